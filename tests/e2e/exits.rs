//! How tasks end: codes, signals, the OOM flag.

use e2e::{World, leftovers, test};
use nomad_host::driver::TaskExit;

async fn exit_of(world: &World, script: &str) -> TaskExit {
    world.task("web").shell(script).start().await.wait().await
}

fn signalled(signal: i32) -> TaskExit {
    TaskExit { code: 128 + signal, signal, oom_killed: false }
}

/// Doubles a variable until the memory is used up.
const GREEDY: &str = "a=0123456789abcdef; while :; do a=$a$a; done";

#[test]
fn a_task_that_succeeds_is_reported_with_code_0() {
    test(async |world| assert_eq!(exit_of(world, "exit 0").await, TaskExit::code(0)));
}

#[test]
fn a_task_that_fails_is_reported_with_its_very_code() {
    test(async |world| {
        for code in [1, 42, 127, 128, 255] {
            assert_eq!(exit_of(world, &format!("exit {code}")).await, TaskExit::code(code));
        }
    });
}

#[test]
fn a_code_that_tells_of_a_signal_is_reported_with_the_signal() {
    test(async |world| {
        for (name, number) in [("HUP", 1), ("INT", 2), ("KILL", 9), ("USR1", 10), ("SEGV", 11), ("TERM", 15)]
        {
            let script = format!("sh -c 'kill -{name} $$'; exit $?");
            assert_eq!(exit_of(world, &script).await, signalled(number), "SIG{name}");
        }
    });
}

#[test]
fn a_task_that_sigkill_ended_is_no_oom() {
    test(async |world| {
        let mut task = world.task("web").shell("echo ready; sleep 1000").start().await;
        task.printed("ready").await;
        task.signal("SIGKILL").await.unwrap();
        assert_eq!(task.wait().await, signalled(9));
    });
}

#[test]
fn a_task_that_was_killed_from_outside_of_the_driver_is_no_oom() {
    test(async |world| {
        let mut task = world.task("web").shell("echo ready; sleep 1000").start().await;
        task.printed("ready").await;
        let process = linux_host::process::PidFd::open(task.pid().await).unwrap();
        process.kill().unwrap();
        assert_eq!(task.wait().await, signalled(9));
    });
}

#[test]
fn a_task_that_exceeds_its_memory_is_killed_and_flagged() {
    test(async |world| {
        let task = world.task("web").shell(GREEDY).with(|task| task.memory_mb(24)).start().await;
        assert_eq!(task.wait().await, TaskExit { oom_killed: true, ..signalled(9) });
    });
}

#[test]
fn a_child_that_exceeds_the_memory_is_flagged_beside_the_tasks_own_code() {
    test(async |world| {
        let script = format!("sh -c '{GREEDY}'; echo child ended with $?; exit 5");
        let task = world.task("web").shell(&script).with(|task| task.memory_mb(24)).start().await;
        let (exit, output) = task.finish().await;
        assert_eq!(output.stdout_text(), "child ended with 137\n");
        assert_eq!(exit, TaskExit { oom_killed: true, ..TaskExit::code(5) });
    });
}

#[test]
fn an_oom_of_an_earlier_start_is_not_blamed_on_the_next() {
    test(async |world| {
        let first = world.task("web").shell(GREEDY).with(|task| task.memory_mb(24)).start().await;
        assert!(first.wait().await.oom_killed);
        first.destroy(true).await.unwrap();
        assert_eq!(exit_of(world, "exit 137").await, signalled(9));
    });
}

#[test]
fn two_tasks_of_one_allocation_run_side_by_side() {
    test(async |world| {
        let script = "echo ready; read go < /alloc/data/go; exit ${#go}";
        let make = |name: &str| {
            let path = world.alloc().shared().join("data").join(name);
            linux_host::fifo::make(&path).unwrap();
            world.task(name).shell(&script.replace("data/go", &format!("data/{name}")))
        };
        let (mut one, mut two) = tokio::join!(make("one").start(), make("two").start());
        one.printed("ready").await;
        two.printed("ready").await;
        assert_ne!(one.pid().await, two.pid().await);
        let data = world.alloc().shared().join("data");
        std::fs::write(data.join("two"), "12\n").unwrap();
        assert_eq!(two.wait().await, TaskExit::code(2));
        std::fs::write(data.join("one"), "123\n").unwrap();
        assert_eq!(one.wait().await, TaskExit::code(3));
    });
}

/// The record by which containerd finds the exit code of a task that ended while it was down: needed from 1.7 on.
#[test]
fn a_sandbox_record_is_there_as_long_as_its_task_is() {
    test(async |world| {
        let version = &world.daemon().instance().version;
        let keeps = !["1.4.", "1.5.", "1.6."].iter().any(|earlier| version.starts_with(earlier));
        let task = world.task("web").shell("sleep 1000").start().await;
        let record = format!("sandbox {}", task.container().await);
        let there = || leftovers::in_containerd(world.daemon(), &world.alloc().id);
        assert_eq!(there().contains(&record), keeps, "{version}");
        task.destroy(true).await.unwrap();
        assert_eq!(there(), Vec::<String>::new());
    });
}
