//! containerd goes away under running tasks and comes back.

use std::time::Duration;

use e2e::host::{Sleep, is_gone};
use e2e::wait::{limited, until_true};
use e2e::world::Setup;
use e2e::{Daemon, Plugin, test_with};
use nomad_host::driver::{Health, TaskExit, TaskPhase};

use crate::counting::{assert_complete, counting, goes_on};

const NEVER: Duration = Duration::from_secs(3600);

async fn outage(daemon: &Daemon) {
    daemon.kill();
    tokio::time::sleep(Daemon::OUTAGE).await;
    daemon.start();
}

#[test]
fn a_running_task_does_not_notice_and_every_call_works_afterwards() {
    test_with(Setup::own_daemon(), async |world| {
        let mut task = counting(world).await;
        let pid = task.pid().await;
        let (driver, id) = (world.driver(), task.id().to_owned());
        let waiting = tokio::spawn(async move { driver.wait_task(&id).await });
        outage(world.daemon()).await;
        goes_on(&mut task).await;
        let seen = task.inspect().await;
        assert_eq!((seen.phase, task.pid().await), (TaskPhase::Running, pid));
        assert!(!is_gone(pid));
        assert_eq!(task.read("echo fine").await, "fine\n");
        let stats = world.driver().task_stats(task.id(), NEVER).await;
        assert!(limited("a sample", stats.unwrap().next()).await.unwrap().is_some());
        assert!(!waiting.is_finished(), "an outage is no exit");
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(limited("the first wait", waiting).await.unwrap().unwrap(), TaskExit::code(17));
        task.destroy(false).await.unwrap();
        assert_complete(&task.collect().await);
    });
}

#[test]
fn an_end_after_the_outage_is_exact() {
    test_with(Setup::own_daemon(), async |world| {
        let task = counting(world).await;
        let (exit, ()) = tokio::join!(task.wait(), async {
            outage(world.daemon()).await;
            task.signal("SIGTERM").await.unwrap();
        });
        assert_eq!(exit, TaskExit::code(17));
    });
}

#[test]
fn an_end_during_the_outage_is_exact() {
    test_with(Setup::own_daemon(), async |world| {
        let task = counting(world).await;
        let pid = task.pid().await;
        world.daemon().kill();
        // The driver can not ask containerd: the signal goes to the process itself.
        task.signal("SIGTERM").await.unwrap();
        until_true("the end of the process", || is_gone(pid)).await;
        world.daemon().start();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_stop_during_the_outage_ends_the_task_and_its_code_is_known_afterwards() {
    test_with(Setup::own_daemon(), async |world| {
        let task = counting(world).await;
        let pid = task.pid().await;
        world.daemon().kill();
        let (stopped, ()) = tokio::join!(task.stop(NEVER, "SIGTERM"), async {
            until_true("the end of the process", || is_gone(pid)).await;
            world.daemon().start();
        });
        stopped.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
    });
}

#[test]
fn a_deaf_task_is_killed_during_the_outage() {
    test_with(Setup::own_daemon(), async |world| {
        let sleep = Sleep::unique();
        let script = format!("trap '' TERM; echo ready; {}", sleep.script());
        let mut task = world.task("web").shell(&script).start().await;
        task.printed("ready").await;
        until_true("the sleep", || sleep.runs()).await;
        world.daemon().kill();
        let (stopped, ()) = tokio::join!(task.stop(Duration::from_millis(500), "SIGTERM"), async {
            until_true("no sleep", || !sleep.runs()).await;
            world.daemon().start();
        });
        stopped.unwrap();
        assert_eq!(task.wait().await, TaskExit { code: 137, signal: 9, oom_killed: false });
    });
}

#[test]
fn a_command_during_the_outage_fails_and_works_again_afterwards() {
    test_with(Setup::own_daemon(), async |world| {
        let task = counting(world).await;
        world.daemon().kill();
        let refused = task.exec(&["true"], Duration::from_secs(20)).await.unwrap_err();
        let socket = world.daemon().instance().address.display().to_string();
        assert!(refused.to_string().contains(&socket), "{refused}");
        world.daemon().start();
        e2e::wait::until("an exec that works", async || {
            task.exec(&["true"], Duration::from_secs(20)).await.ok()
        })
        .await;
    });
}

#[test]
fn a_start_during_a_short_outage_waits_for_its_end() {
    test_with(Setup::own_daemon(), async |world| {
        world.daemon().image("busybox");
        let mut health = limited("Fingerprint", world.driver().fingerprint()).await.unwrap();
        world.daemon().kill();
        limited("the driver sees it", async {
            while health.next().await.unwrap().expect("the stream goes on").health == Health::Healthy {}
        })
        .await;
        let (started, ()) = tokio::join!(world.task("web").shell("exit 3").try_start(), async {
            until_true("the begin of the start", || world.logged("the start waits for containerd")).await;
            world.daemon().start();
        });
        assert_eq!(started.unwrap().wait().await, TaskExit::code(3));
    });
}

#[test]
fn a_start_during_the_outage_may_be_tried_again() {
    test_with(Setup::own_daemon(), async |world| {
        let (config, logs) = world.task("web").shell("exit 3").prepare().await.unwrap();
        // One that does not wait for long.
        let hasty = Plugin::configured(&world.config_with("client_timeout", "3s")).await;
        world.daemon().kill();
        let refused = limited("StartTask", hasty.driver().start_task(&config)).await.unwrap_err();
        let socket = world.daemon().instance().address.display().to_string();
        assert!(refused.is_recoverable() && refused.to_string().contains(&socket), "{refused}");
        assert!(hasty.shutdown().await.is_some_and(|status| status.success()));
        drop(logs);
        world.daemon().start();
        let started = e2e::wait::until("a start that works", async || {
            world.task("web").shell("exit 3").try_start().await.ok()
        })
        .await;
        assert_eq!(started.wait().await, TaskExit::code(3));
    });
}

#[test]
fn a_destroy_during_the_outage_is_finished_when_containerd_is_back() {
    test_with(Setup::own_daemon(), async |world| {
        let sleep = Sleep::unique();
        let task = world.task("web").shell(&sleep.script()).start().await;
        until_true("the sleep", || sleep.runs()).await;
        world.daemon().kill();
        let destroyed = async { task.destroy(true).await };
        let (_either, ()) = tokio::join!(destroyed, async {
            until_true("no sleep", || !sleep.runs()).await;
            world.daemon().start();
        });
        e2e::wait::until("nothing left", async || {
            e2e::leftovers::in_containerd(world.daemon(), &world.alloc().id).is_empty().then_some(())
        })
        .await;
    });
}

#[test]
fn containerd_and_plugin_both_go_and_come_back() {
    test_with(Setup::own_daemon(), async |world| {
        let mut task = counting(world).await;
        let pid = task.pid().await;
        world.kill_plugin().await;
        world.daemon().kill();
        goes_on(&mut task).await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
        world.daemon().start();
        assert_eq!(task.pid().await, pid);
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_task_that_ended_while_both_were_gone_has_its_exact_code() {
    test_with(Setup::own_daemon(), async |world| {
        let task = counting(world).await;
        let pid = task.pid().await;
        world.kill_plugin().await;
        world.daemon().kill();
        linux_host::signal::send(pid, linux_host::process::start_time(pid).unwrap(), 15).unwrap();
        until_true("the end of the process", || is_gone(pid)).await;
        world.daemon().start();
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn several_outages_in_a_row_are_survived() {
    test_with(Setup::own_daemon(), async |world| {
        let mut task = counting(world).await;
        for _ in 0..3 {
            world.daemon().kill();
            goes_on(&mut task).await;
            world.daemon().start();
            goes_on(&mut task).await;
        }
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}
