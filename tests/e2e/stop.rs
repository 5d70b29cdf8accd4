//! Stopping and signalling.

use std::time::{Duration, Instant};

use e2e::host::Sleep;
use e2e::wait::{limit, until_true};
use e2e::{Task, World, test};
use linux_host::process::{Exit, PidFd};
use nomad_host::driver::{TaskExit, TaskPhase};

use crate::recovery_edges::Stuck;

/// Longer than any wait of the tests: a stop that needs it is a stop that did not notice the end.
const NEVER: Duration = Duration::from_secs(3600);

/// A task that says when it is ready, and then obeys its traps.
async fn trapping(world: &World, traps: &str) -> Task {
    let script = format!("{traps}; echo ready; while :; do sleep 1000 & wait $!; done");
    let mut task = world.task("web").shell(&script).start().await;
    task.printed("ready").await;
    task
}

fn killed() -> TaskExit {
    TaskExit { code: 137, signal: 9, oom_killed: false }
}

#[test]
fn a_stop_returns_the_moment_the_task_has_handled_the_signal() {
    test(async |world| {
        let task = trapping(world, "trap 'echo bye; exit 7' INT").await;
        task.stop(NEVER, "SIGINT").await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Exited);
        let (exit, output) = task.finish().await;
        assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(7), "ready\nbye\n"));
    });
}

#[test]
fn a_stop_without_a_signal_sends_sigterm() {
    test(async |world| {
        let task = trapping(world, "trap 'exit 15' TERM").await;
        task.stop(NEVER, "").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(15));
    });
}

#[test]
fn a_stop_without_a_signal_sends_the_images_stopsignal() {
    test(async |world| {
        let script =
            "trap 'exit 10' USR1; trap 'exit 15' TERM; echo ready; while :; do sleep 1000 & wait $!; done";
        let task = world.task("web").image("busybox-config").option("command", script);
        let mut task = task.start().await;
        task.printed("ready").await;
        task.stop(NEVER, "").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(10));
    });
}

#[test]
fn the_jobs_signal_wins_over_the_images() {
    test(async |world| {
        let script =
            "trap 'exit 10' USR1; trap 'exit 3' QUIT; echo ready; while :; do sleep 1000 & wait $!; done";
        let task = world.task("web").image("busybox-config").option("command", script);
        let mut task = task.start().await;
        task.printed("ready").await;
        task.stop(NEVER, "SIGQUIT").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(3));
    });
}

#[test]
fn a_task_that_ignores_the_signal_is_killed_at_the_timeout_and_not_before() {
    test(async |world| {
        let task = trapping(world, "trap 'echo ignored' TERM").await;
        // A daemon that needs long for the first signal still has its time: late it would come twice.
        let (timeout, begun) = (Duration::from_secs(10), Instant::now());
        task.stop(timeout, "SIGTERM").await.unwrap();
        assert!(begun.elapsed() >= timeout, "killed after {:?}", begun.elapsed());
        let (exit, output) = task.finish().await;
        assert_eq!((exit, output.stdout_text().as_str()), (killed(), "ready\nignored\n"));
    });
}

#[test]
fn a_stop_with_no_time_kills_at_once() {
    test(async |world| {
        let task = trapping(world, "trap '' TERM").await;
        task.stop(Duration::ZERO, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, killed());
    });
}

#[test]
fn processes_that_the_task_put_aside_die_with_it() {
    test(async |world| {
        let (aside, own) = (Sleep::unique(), Sleep::unique());
        let script = format!("setsid {} & trap '' TERM; echo ready; {}", aside.script(), own.script());
        let mut task = world.task("web").shell(&script).start().await;
        task.printed("ready").await;
        until_true("both sleeps", || aside.runs() && own.runs()).await;
        task.stop(Duration::ZERO, "").await.unwrap();
        until_true("no sleep", || !aside.runs() && !own.runs()).await;
    });
}

#[test]
fn an_unknown_signal_is_refused_and_the_task_runs_on() {
    test(async |world| {
        let task = trapping(world, "true").await;
        let refused = task.stop(NEVER, "SIGFOO").await.unwrap_err();
        assert_eq!(refused.to_string(), "invalid signal: SIGFOO");
        let refused = task.signal("SIGFOO").await.unwrap_err();
        assert_eq!(refused.to_string(), "invalid signal: SIGFOO");
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
    });
}

#[test]
fn a_stop_of_an_exited_task_is_success() {
    test(async |world| {
        let task = world.task("web").shell("exit 3").start().await;
        task.wait().await;
        task.stop(NEVER, "SIGTERM").await.unwrap();
        task.stop(NEVER, "").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(3));
    });
}

#[test]
fn several_stops_at_once_are_one() {
    test(async |world| {
        let task = trapping(world, "trap 'echo bye; exit 0' TERM").await;
        let stop = || task.stop(NEVER, "SIGTERM");
        let (one, two, three) = tokio::join!(stop(), stop(), stop());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        assert_eq!(task.collect().await.stdout_text(), "ready\nbye\n");
    });
}

#[test]
fn every_signal_arrives_by_its_name() {
    test(async |world| {
        let names = ["HUP", "INT", "QUIT", "USR1", "USR2", "PIPE", "ALRM", "TERM", "WINCH"];
        let traps: Vec<String> = names.iter().map(|name| format!("trap 'echo got {name}' {name}")).collect();
        let mut task = trapping(world, &traps.join("; ")).await;
        for name in names {
            task.signal(&format!("SIG{name}")).await.unwrap();
            task.printed(&format!("got {name}\n")).await;
        }
        for (spelling, name) in [("usr1", "USR1"), ("SigHup", "HUP"), ("15", "TERM")] {
            let before = task.output_so_far().stdout_text().matches(&format!("got {name}\n")).count();
            task.signal(spelling).await.unwrap();
            task.printed_so_that(spelling, |output| {
                output.stdout_text().matches(&format!("got {name}\n")).count() > before
            })
            .await;
        }
    });
}

#[test]
fn a_signal_for_an_ended_task_is_refused() {
    test(async |world| {
        let task = world.task("web").shell("exit 0").start().await;
        task.wait().await;
        let refused = task.signal("SIGHUP").await.unwrap_err().to_string();
        assert!(refused.contains("is not running"), "{refused}");
    });
}

/// Stops a task while its shim stands still, and lets the shim go on once the process has ended.
async fn stopped_past_its_shim(task: &Task, timeout: Duration) {
    let pid = task.pid().await;
    let process = PidFd::open(pid).unwrap();
    let stuck = Stuck::shim_of(pid);
    let (stopped, ()) = tokio::join!(task.stop(timeout, "SIGTERM"), async {
        let ended = tokio::task::spawn_blocking(move || process.wait(limit())).await.unwrap();
        assert_eq!(ended.unwrap(), Exit::Ended, "the process lives on");
        drop(stuck);
    });
    stopped.unwrap();
}

#[test]
fn a_signal_that_the_shim_keeps_reaches_the_task() {
    test(async |world| {
        let task = trapping(world, "trap 'exit 15' TERM").await;
        stopped_past_its_shim(&task, NEVER).await;
        assert_eq!(task.wait().await, TaskExit::code(15));
    });
}

#[test]
fn a_task_whose_shim_is_stuck_is_killed_at_the_timeout() {
    test(async |world| {
        let task = trapping(world, "trap 'echo ignored' TERM").await;
        stopped_past_its_shim(&task, Duration::from_secs(10)).await;
        let (exit, output) = task.finish().await;
        assert_eq!((exit, output.stdout_text().as_str()), (killed(), "ready\nignored\n"));
    });
}

#[test]
fn a_paused_task_is_stopped() {
    test(async |world| {
        let task = trapping(world, "trap 'exit 15' TERM").await;
        world.ctr(&["tasks", "pause", &task.container().await]);
        task.stop(Duration::from_secs(1), "SIGTERM").await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Exited);
    });
}
