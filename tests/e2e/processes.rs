//! Tasks of several processes: they end when their first process does, and nothing of them is left.

use std::time::{Duration, Instant};

use e2e::host::Sleep;
use e2e::wait::{limited, until_true};
use e2e::{Task, World, host, test};
use nomad_host::driver::{TaskExit, TaskPhase};

/// Ten minutes, as long as an operator may allow a kill_timeout to be and more.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Processes beside the first: a plain child, one in a session of its own, and one that nobody is the parent of.
fn crowd(sleeps: &[Sleep; 3]) -> String {
    let [plain, session, orphan] = sleeps.each_ref().map(Sleep::script);
    format!("{plain} & setsid {session} & (setsid sh -c '{orphan} & exit' & exit)")
}

fn sleeps() -> [Sleep; 3] {
    [Sleep::unique(), Sleep::unique(), Sleep::unique()]
}

async fn start(world: &World, sleeps: &[Sleep; 3], rest: &str, pid_mode: &str) -> Task {
    let script = format!("{}; {rest}", crowd(sleeps));
    let mut setup = world.task("web").shell(&script);
    if !pid_mode.is_empty() {
        setup = setup.option("pid_mode", pid_mode);
    }
    let mut task = setup.start().await;
    task.printed("ready").await;
    until_true("all of the crowd", || sleeps.iter().all(Sleep::runs)).await;
    task
}

async fn assert_gone(sleeps: &[Sleep; 3]) {
    until_true("no sleep", || !sleeps.iter().any(Sleep::runs)).await;
}

#[test]
fn a_task_ends_with_its_first_process_and_the_others_with_it() {
    test(async |world| {
        for pid_mode in ["", "host"] {
            let sleeps = sleeps();
            let go = "trap 'exit 7' USR1; echo ready; while :; do sleep 1000 & wait $!; done";
            let task = start(world, &sleeps, go, pid_mode).await;
            task.signal("SIGUSR1").await.unwrap();
            assert_eq!(task.wait().await, TaskExit::code(7), "pid_mode {pid_mode:?}");
            assert_gone(&sleeps).await;
            task.destroy(false).await.unwrap();
        }
    });
}

#[test]
fn what_is_killed_at_the_timeout_is_the_whole_cgroup() {
    test(async |world| {
        for pid_mode in ["", "host"] {
            let sleeps = sleeps();
            let deaf = "trap '' TERM; echo ready; while :; do sleep 1; done";
            let task = start(world, &sleeps, deaf, pid_mode).await;
            task.stop(Duration::from_millis(300), "SIGTERM").await.unwrap();
            let killed = TaskExit { code: 137, signal: 9, oom_killed: false };
            assert_eq!(task.wait().await, killed, "pid_mode {pid_mode:?}");
            assert_gone(&sleeps).await;
            task.destroy(false).await.unwrap();
        }
    });
}

#[test]
fn a_task_in_the_hosts_processes_is_destroyed_whole() {
    test(async |world| {
        let sleeps = sleeps();
        let task = start(world, &sleeps, "echo ready; sleep 1000", "host").await;
        task.destroy(true).await.unwrap();
        assert_gone(&sleeps).await;
    });
}

#[test]
fn what_is_left_of_a_task_that_ended_without_a_plugin_is_gone_too() {
    test(async |world| {
        let sleeps = sleeps();
        let go = "trap 'exit 7' USR1; echo ready; while :; do sleep 1000 & wait $!; done";
        let task = start(world, &sleeps, go, "host").await;
        let pid = task.pid().await;
        world.kill_plugin().await;
        linux_host::signal::send(pid, linux_host::process::start_time(pid).unwrap(), 10).unwrap();
        until_true("the end of the process", || host::is_gone(pid)).await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(7));
        assert_gone(&sleeps).await;
    });
}

#[test]
fn a_stop_with_ten_minutes_returns_when_the_task_dies_by_another_hand() {
    test(async |world| {
        let script = "trap 'echo asked' TERM; echo ready; while :; do sleep 1000 & wait $!; done";
        let mut task = world.task("web").shell(script).start().await;
        task.printed("ready").await;
        let (driver, id) = (world.driver(), task.id().to_owned());
        let stop = tokio::spawn(async move { driver.stop_task(&id, TEN_MINUTES, "SIGTERM").await });
        task.printed("asked").await;
        // No inner deadline of seconds may cut it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!stop.is_finished());
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
        let killed = Instant::now();
        linux_host::process::PidFd::open(task.pid().await).unwrap().kill().unwrap();
        limited("StopTask", stop).await.unwrap().unwrap();
        println!("the stop returned {:?} after the death", killed.elapsed());
        assert_eq!(task.wait().await, TaskExit { code: 137, signal: 9, oom_killed: false });
    });
}
