//! Waiting and destroying.

use std::time::Duration;

use e2e::{leftovers, test};
use nomad_host::driver::{TaskExit, TaskPhase};

const UNKNOWN: &str = "task not found for given id";

#[test]
fn three_callers_get_the_same_end() {
    test(async |world| {
        let mut task =
            world.task("web").shell("trap 'exit 9' TERM; echo ready; sleep 1000 & wait").start().await;
        task.printed("ready").await;
        let waits = async { tokio::join!(task.wait(), task.wait(), task.wait()) };
        let (ends, stopped) = tokio::join!(waits, task.stop(Duration::from_secs(3600), ""));
        stopped.unwrap();
        assert_eq!(ends, (TaskExit::code(9), TaskExit::code(9), TaskExit::code(9)));
    });
}

#[test]
fn an_ended_task_is_waited_for_without_delay_until_it_is_destroyed() {
    test(async |world| {
        let task = world.task("web").shell("exit 6").start().await;
        for _ in 0..3 {
            assert_eq!(task.wait().await, TaskExit::code(6));
        }
        assert_eq!(task.inspect().await.phase, TaskPhase::Exited);
        task.destroy(false).await.unwrap();
        assert_eq!(task.try_wait().await.unwrap_err().to_string(), UNKNOWN);
    });
}

#[test]
fn a_caller_that_goes_away_does_not_disturb_the_others() {
    test(async |world| {
        let mut task =
            world.task("web").shell("trap 'exit 2' TERM; echo ready; sleep 1000 & wait").start().await;
        task.printed("ready").await;
        let impatient = tokio::time::timeout(Duration::from_millis(50), task.wait()).await;
        assert!(impatient.is_err());
        task.stop(Duration::from_secs(3600), "").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(2));
    });
}

#[test]
fn a_running_task_is_not_destroyed_without_force() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let refused = task.destroy(false).await.unwrap_err().to_string();
        assert!(refused.contains("force"), "{refused}");
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
    });
}

#[test]
fn force_kills_and_removes_everything() {
    test(async |world| {
        let task = world.task("web").shell("trap '' TERM; sleep 1000").start().await;
        let end = task.wait();
        let (end, destroyed) = tokio::join!(end, task.destroy(true));
        destroyed.unwrap();
        assert_eq!(end, TaskExit { code: 137, signal: 9, oom_killed: false });
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
    });
}

#[test]
fn a_destroyed_task_is_unknown_to_every_call() {
    test(async |world| {
        let task = world.task("web").shell("exit 0").start().await;
        task.wait().await;
        task.destroy(true).await.unwrap();
        let driver = world.driver();
        let id = task.id();
        assert_eq!(task.destroy(true).await.unwrap_err().to_string(), UNKNOWN);
        assert_eq!(task.try_wait().await.unwrap_err().to_string(), UNKNOWN);
        assert_eq!(task.stop(Duration::ZERO, "").await.unwrap_err().to_string(), UNKNOWN);
        assert_eq!(task.signal("SIGHUP").await.unwrap_err().to_string(), UNKNOWN);
        assert_eq!(driver.inspect_task(id).await.unwrap_err().to_string(), UNKNOWN);
        assert_eq!(task.exec(&["true"], Duration::ZERO).await.unwrap_err().to_string(), UNKNOWN);
        let stats = driver.task_stats(id, Duration::from_secs(1)).await;
        assert_eq!(stats.unwrap_err().to_string(), UNKNOWN);
        assert_eq!(task.try_session(&["true"], false).await.unwrap_err().to_string(), UNKNOWN);
    });
}

#[test]
fn what_a_task_wrote_outside_of_its_directories_is_gone_after_it() {
    test(async |world| {
        let script = "test ! -e /made && echo x > /made && echo kept > /local/kept";
        let first = world.task("web").shell(script).start().await;
        assert_eq!(first.wait().await, TaskExit::code(0));
        first.destroy(true).await.unwrap();
        let second = world.task("web").shell("test ! -e /made && cat /local/kept").start().await;
        let (exit, output) = second.finish().await;
        assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(0), "kept\n"));
    });
}
