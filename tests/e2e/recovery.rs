//! The plugin goes away, by SIGKILL, in order or with its agent, and another process takes up its tasks.

use std::time::Duration;

use e2e::host::Sleep;
use e2e::wait::{limited, until, until_true};
use e2e::{Plugin, host, leftovers, test};
use nomad_host::driver::{TaskExit, TaskPhase};
use nomad_host::plugin::PluginConnection;

use crate::counting::{assert_complete, counting, goes_on};

const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn a_task_survives_the_plugins_death_without_a_gap_and_is_taken_up_as_it_was() {
    test(async |world| {
        let mut task = counting(world).await;
        let before = task.inspect().await;
        world.kill_plugin().await;
        goes_on(&mut task).await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        let after = task.inspect().await;
        assert_eq!((after.phase, &after.attributes), (TaskPhase::Running, &before.attributes));
        assert_eq!((after.id.as_str(), after.name.as_str()), (before.id.as_str(), before.name.as_str()));
        assert_eq!(after.started_at, before.started_at);
        goes_on(&mut task).await;
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_recovered_task_takes_every_call() {
    test(async |world| {
        let script =
            "trap 'echo got HUP' HUP; trap 'exit 4' USR1; echo ready; while :; do sleep 1000 & wait $!; done";
        let setup = world.task("web").image("busybox-config").option("command", script);
        let mut task = setup.with(|task| task.env("COLOUR", "blue")).start().await;
        task.printed("ready").await;
        world.kill_plugin().await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.read("id -u; pwd; echo $COLOUR").await, "1000\n/home/app\nblue\n");
        let session = task.session(&["cat"], false).await;
        session.stdin("through").await;
        session.close_stdin().await;
        assert_eq!(limited("the exec's end", session.finish()).await.unwrap().stdout, b"through");
        task.signal("SIGHUP").await.unwrap();
        task.printed("got HUP").await;
        let stats = world.driver().task_stats(task.id(), NEVER).await;
        let sample = limited("a sample", stats.unwrap().next()).await.unwrap().unwrap();
        assert!(sample.agg_resource_usage.unwrap().memory.unwrap().usage > 0);
        // The image's STOPSIGNAL is remembered.
        task.stop(NEVER, "").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(4));
    });
}

#[test]
fn a_task_that_ended_while_no_plugin_ran_has_its_exact_code() {
    test(async |world| {
        for (name, code) in [("zero", 0), ("web", 42), ("many", 255)] {
            let script = format!("echo ready; read go < /local/go; echo end; exit {code}");
            let go = world.alloc().task_dirs(name).local.join("go");
            let setup = world.task(name).shell(&script);
            std::fs::create_dir_all(go.parent().unwrap()).unwrap();
            linux_host::fifo::make(&go).unwrap();
            let mut task = setup.start().await;
            task.printed("ready").await;
            let container = task.container().await;
            world.kill_plugin().await;
            std::fs::write(&go, "go\n").unwrap();
            until("a stopped task", async || {
                let tasks = world.ctr(&["tasks", "list"]);
                tasks.lines().any(|line| line.contains(&container) && line.contains("STOPPED")).then_some(())
            })
            .await;
            world.start_plugin().await;
            task.recover().await.unwrap();
            assert_eq!(task.inspect().await.phase, TaskPhase::Exited);
            let (exit, output) = task.finish().await;
            assert_eq!(exit, TaskExit::code(code));
            assert_eq!(output.stdout_text(), "ready\nend\n");
        }
    });
}

#[test]
fn an_oom_while_no_plugin_ran_is_flagged_afterwards() {
    test(async |world| {
        let script = "echo ready; read go < /local/go; a=0123456789abcdef; while :; do a=$a$a; done";
        let go = world.alloc().task_dirs("web").local.join("go");
        std::fs::create_dir_all(go.parent().unwrap()).unwrap();
        linux_host::fifo::make(&go).unwrap();
        let mut task = world.task("web").shell(script).with(|task| task.memory_mb(24)).start().await;
        task.printed("ready").await;
        let pid = task.pid().await;
        world.kill_plugin().await;
        std::fs::write(&go, "go\n").unwrap();
        until_true("the end of the process", || host::is_gone(pid)).await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.wait().await, TaskExit { code: 137, signal: 9, oom_killed: true });
    });
}

#[test]
fn a_recovery_may_be_repeated() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        task.recover().await.unwrap();
        world.kill_plugin().await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        task.recover().await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
    });
}

#[test]
fn a_task_that_is_gone_is_not_recovered() {
    test(async |world| {
        let task = world.task("web").shell("exit 0").start().await;
        task.wait().await;
        task.destroy(true).await.unwrap();
        world.kill_plugin().await;
        world.start_plugin().await;
        let refused = task.recover().await.unwrap_err().to_string();
        assert!(refused.contains("does not exist any more"), "{refused}");
        assert_eq!(task.try_wait().await.unwrap_err().to_string(), "task not found for given id");
    });
}

#[test]
fn a_state_of_another_driver_is_refused_in_words() {
    test(async |world| {
        let mut handle = world.task("web").shell("sleep 1000").start().await.handle;
        world.kill_plugin().await;
        world.start_plugin().await;
        handle.driver_state = b"\x81\xa1x\x01".to_vec();
        let refused = limited("RecoverTask", world.driver().recover_task(&handle)).await.unwrap_err();
        assert!(!refused.is_disconnected() && refused.to_string().contains("state"), "{refused}");
        handle.version = 99;
        let refused = limited("RecoverTask", world.driver().recover_task(&handle)).await.unwrap_err();
        assert!(refused.to_string().contains("99"), "{refused}");
    });
}

#[test]
fn an_orderly_end_of_the_plugin_leaves_its_tasks_alone() {
    test(async |world| {
        let mut task = counting(world).await;
        let pid = task.pid().await;
        let plugin = world.take_plugin();
        let socket = plugin.process().socket().to_owned();
        let status = plugin.shutdown().await;
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
        assert!(!socket.exists());
        goes_on(&mut task).await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.pid().await, pid);
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_plugin_whose_agent_is_gone_serves_the_next_one() {
    test(async |world| {
        let mut task = counting(world).await;
        let reattach = world.take_plugin().abandon().await;
        // Its output has no reader any more; whatever it logs now must not end it.
        let connection = limited("the reattach", PluginConnection::open(&reattach.socket)).await.unwrap();
        let driver = connection.driver();
        for _ in 0..20 {
            assert!(driver.destroy_task("unknown", true).await.is_err());
        }
        assert_eq!(driver.inspect_task(task.id()).await.unwrap().phase, TaskPhase::Running);
        goes_on(&mut task).await;
        driver.stop_task(task.id(), NEVER, "SIGTERM").await.unwrap();
        assert_eq!(driver.wait_task(task.id()).await.unwrap(), TaskExit::code(17));
        driver.destroy_task(task.id(), true).await.unwrap();
        connection.request_shutdown().await;
        until_true("the plugin's end", || host::is_gone(reattach.pid)).await;
        world.start_plugin().await;
        assert_complete(&task.collect().await);
    });
}

#[test]
fn an_exec_of_the_killed_plugin_does_not_disturb_the_task() {
    test(async |world| {
        let task = counting(world).await;
        let sleep = Sleep::unique();
        let session = task.session(&["sleep", sleep.seconds()], false).await;
        until_true("the sleep", || sleep.runs()).await;
        world.kill_plugin().await;
        assert!(limited("the exec's end", session.finish()).await.is_err());
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.read("echo fine").await, "fine\n");
        task.destroy(true).await.unwrap();
        assert!(!sleep.runs());
    });
}

#[test]
fn two_plugins_work_side_by_side() {
    test(async |world| {
        let other = Plugin::configured(world.config()).await;
        let one = world.task("one").shell("sleep 1000").start().await;
        let (config, logs) = world.task("two").shell("exit 3").prepare().await.unwrap();
        other.driver().start_task(&config).await.unwrap();
        assert_eq!(other.driver().wait_task(&config.id).await.unwrap(), TaskExit::code(3));
        let unknown = "task not found for given id";
        assert_eq!(world.driver().inspect_task(&config.id).await.unwrap_err().to_string(), unknown);
        assert_eq!(other.driver().inspect_task(one.id()).await.unwrap_err().to_string(), unknown);
        other.driver().destroy_task(&config.id, true).await.unwrap();
        assert!(other.shutdown().await.is_some_and(|status| status.success()));
        assert_eq!(one.inspect().await.phase, TaskPhase::Running);
        drop(logs);
    });
}

#[test]
fn a_task_goes_on_in_its_namespace_though_the_operator_has_named_another() {
    test(async |world| {
        let script = "trap 'exit 8' TERM; echo ready; sleep 1000 & wait";
        let mut task = world.task("web").shell(script).start().await;
        task.printed("ready").await;
        let (id, pid) = (task.id(), task.pid().await);
        world.kill_plugin().await;
        let namespace = format!("elsewhere-{}", world.alloc().id);
        let other = Plugin::configured(&world.config_with("containerd_namespace", namespace)).await;
        let driver = other.driver();
        limited("RecoverTask", driver.recover_task(&task.handle_after_restart())).await.unwrap();
        let seen = driver.inspect_task(id).await.unwrap();
        assert_eq!((seen.phase, seen.attributes["pid"].as_str()), (TaskPhase::Running, &*pid.to_string()));
        let done = driver.exec_task(id, ["/bin/sh", "-c", "exit 6"], Duration::from_secs(60)).await.unwrap();
        assert_eq!(done.exit, TaskExit::code(6));
        limited("StopTask", driver.stop_task(id, NEVER, "SIGTERM")).await.unwrap();
        assert_eq!(driver.wait_task(id).await.unwrap(), TaskExit::code(8));
        driver.destroy_task(id, false).await.unwrap();
        assert!(other.shutdown().await.is_some_and(|status| status.success()));
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
        world.start_plugin().await;
    });
}
