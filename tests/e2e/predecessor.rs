//! Tasks that the Go driver of the same name started, after the binary was swapped under them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::host::is_gone;
use e2e::wait::{limit, limited, until_true};
use e2e::world::Setup;
use e2e::{Task, World, leftovers, test, test_with};
use linux_host::fifo;
use nomad_host::driver::{TaskConfig, TaskExit, TaskPhase};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::counting::{COUNTING, assert_complete, goes_on};
use crate::go_driver::{GoTask, driver_state};

const NEVER: Duration = Duration::from_secs(3600);

/// Counts as fast as its log is read.
const COUNTING_FAST: &str = "trap 'echo end; exit 17' TERM; i=0; while :; do i=$((i+1)); echo $i; done";

/// A task of the Go driver, which has died since.
async fn left_alone(world: &World, script: &str) -> (GoTask, Task) {
    let (config, logs) = world.task("web").prepare().await.unwrap();
    let mut go = GoTask::start(world, &config, script).await;
    let mut task = Task::recorded(world.shared(), go.handle(), logs);
    task.printed("5\n").await;
    go.driver_dies();
    (go, task)
}

async fn nothing_is_left(world: &World, fifos: &Path) {
    until_true("no directory of FIFOs", || !fifos.exists()).await;
    let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_task_of_the_go_driver_is_adopted_and_takes_every_call() {
    test(async |world| {
        let script = "trap 'echo got HUP' HUP; trap 'echo end; exit 17' TERM; \
            for i in 1 2 3 4 5; do echo $i; done; echo oops >&2; while :; do sleep 1000 & wait $!; done";
        let (go, mut task) = left_alone(world, script).await;
        task.recover().await.unwrap();
        let seen = task.inspect().await;
        assert_eq!(seen.phase, TaskPhase::Running);
        assert_eq!(seen.attributes["containerd_id"], go.container);
        let started = seen.started_at.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(started, Duration::from_millis(1_700_000_000_500));
        let root = task.root().await;
        assert!(root.join("alloc/logs").exists(), "the pid is that of the task");
        assert_eq!(task.read("echo $NOMAD_TASK_NAME; echo from exec > /local/x").await, "web\n");
        let session = task.session(&["cat"], false).await;
        session.stdin("through").await;
        session.close_stdin().await;
        assert_eq!(limited("the exec's end", session.finish()).await.unwrap().stdout, b"through");
        let stats = world.driver().task_stats(task.id(), NEVER).await;
        let sample = limited("a sample", stats.unwrap().next()).await.unwrap().unwrap();
        assert!(sample.agg_resource_usage.unwrap().memory.unwrap().usage > 0);
        task.signal("SIGHUP").await.unwrap();
        task.printed("got HUP").await;
        task.stop(NEVER, "").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        task.destroy(false).await.unwrap();
        nothing_is_left(world, &go.fifos).await;
        let output = task.collect().await;
        assert_eq!(output.stdout_text(), "1\n2\n3\n4\n5\ngot HUP\nend\n");
        assert_eq!(output.stderr_text(), "oops\n");
    });
}

#[test]
fn its_lines_are_complete_though_drivers_die_under_it() {
    test(async |world| {
        let (go, mut task) = left_alone(world, COUNTING_FAST).await;
        for _ in 0..4 {
            task.recover().await.unwrap();
            goes_on(&mut task).await;
            world.kill_plugin().await;
            world.start_plugin().await;
        }
        task.recover().await.unwrap();
        goes_on(&mut task).await;
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        task.destroy(false).await.unwrap();
        nothing_is_left(world, &go.fifos).await;
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_log_collector_that_is_away_for_a_while_misses_no_line() {
    test(async |world| {
        let pipe = own_pipe(world);
        let (config, logs) = with_pipe(world, &pipe).prepare().await.unwrap();
        let mut text = Vec::new();
        let reader = fifo::open_read(&pipe).unwrap();
        // While no driver lives the collector is the only one that holds the pipe, and what is in it.
        let collector = fifo::open_read(&pipe).unwrap();
        let mut go = GoTask::start(world, &config, COUNTING_FAST).await;
        text.extend(read_on(reader, 10_000).await);
        go.driver_dies();
        let task = Task::recorded(world.shared(), go.handle(), logs);
        task.recover().await.unwrap();
        drop(collector);
        for _ in 0..3 {
            // Long enough for every pipe on the way to be full.
            assert_eq!(task.read("sleep 0.3; echo there").await, "there\n");
            text.extend(read_on(fifo::open_read(&pipe).unwrap(), 300_000).await);
        }
        let reader = fifo::open_read(&pipe).unwrap();
        let (stopped, rest) = tokio::join!(task.stop(NEVER, "SIGTERM"), read_on(reader, usize::MAX));
        stopped.unwrap();
        // The reading came to an end: nobody holds the pipe any more once the task has ended.
        text.extend(rest);
        assert_complete(&nomad_host::logs::TaskOutput { stdout: text, stderr: Vec::new() });
        assert_eq!(task.wait().await, TaskExit::code(17));
    });
}

#[test]
fn a_driver_that_dies_while_the_log_is_not_read_takes_no_line_with_it() {
    test(async |world| {
        let pipe = own_pipe(world);
        let (config, logs) = with_pipe(world, &pipe).prepare().await.unwrap();
        let collector = fifo::open_read(&pipe).unwrap();
        let mut go = GoTask::start(world, &config, COUNTING_FAST).await;
        let mut text = read_on(fifo::open_read(&pipe).unwrap(), 10_000).await;
        go.driver_dies();
        let task = Task::recorded(world.shared(), go.handle(), logs);
        task.recover().await.unwrap();
        for _ in 0..3 {
            // Long enough for every pipe on the way to be full.
            assert_eq!(task.read("sleep 0.3; echo there").await, "there\n");
            world.kill_plugin().await;
            world.start_plugin().await;
            task.recover().await.unwrap();
            text.extend(read_on(fifo::open_read(&pipe).unwrap(), 300_000).await);
        }
        let reader = fifo::open_read(&pipe).unwrap();
        drop(collector);
        let (stopped, rest) = tokio::join!(task.stop(NEVER, "SIGTERM"), read_on(reader, usize::MAX));
        stopped.unwrap();
        text.extend(rest);
        assert_complete(&nomad_host::logs::TaskOutput { stdout: text, stderr: Vec::new() });
    });
}

/// Ends with 42 when something is written into the pipe of [`go_pipe`].
const ENDS_ON_DEMAND: &str = "for i in 1 2 3 4 5; do echo $i; done; read go < /local/go; exit 42";

fn go_pipe(world: &World) -> PathBuf {
    let pipe = world.alloc().task_dirs("web").local.join("go");
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    fifo::make(&pipe).unwrap();
    pipe
}

#[test]
fn its_end_while_containerd_is_away_has_its_exact_code() {
    test_with(Setup::own_daemon(), async |world| {
        let go_pipe = go_pipe(world);
        let (go, task) = left_alone(world, ENDS_ON_DEMAND).await;
        task.recover().await.unwrap();
        let pid = task.pid().await;
        // What newer daemons need to keep the code is written behind the client's back.
        until_true("a daemon that keeps the code", || {
            let known = leftovers::in_containerd(world.daemon(), &world.alloc().id);
            !world.daemon().has_sandboxes() || known.iter().any(|line| line.starts_with("sandbox "))
        })
        .await;
        world.daemon().kill();
        std::fs::write(&go_pipe, "go\n").unwrap();
        until_true("an end", || is_gone(pid)).await;
        world.daemon().start();
        assert_eq!(task.wait().await, TaskExit::code(42));
        task.destroy(false).await.unwrap();
        nothing_is_left(world, &go.fifos).await;
    });
}

#[test]
fn a_task_that_ended_before_its_adoption_has_its_exact_code() {
    test(async |world| {
        let go_pipe = go_pipe(world);
        let (go, task) = left_alone(world, ENDS_ON_DEMAND).await;
        std::fs::write(&go_pipe, "go\n").unwrap();
        e2e::wait::until("a stopped task", async || {
            let tasks = world.ctr(&["tasks", "list"]);
            tasks.lines().any(|line| line.contains(&go.container) && line.contains("STOPPED")).then_some(())
        })
        .await;
        task.recover().await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(42));
        task.destroy(false).await.unwrap();
        nothing_is_left(world, &go.fifos).await;
    });
}

#[test]
fn a_task_that_its_driver_did_not_live_to_start_is_started() {
    test(async |world| {
        let (config, logs) = world.task("web").prepare().await.unwrap();
        let mut go = GoTask::create(world, &config, COUNTING).await;
        go.driver_dies();
        let mut task = Task::recorded(world.shared(), go.handle(), logs);
        task.recover().await.unwrap();
        task.printed("5\n").await;
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_daemon_that_is_away_when_the_binary_is_swapped_ends_no_task() {
    test_with(Setup::own_daemon(), async |world| {
        let (_go, mut task) = left_alone(world, COUNTING).await;
        world.daemon().kill();
        task.recover().await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
        assert!(task.root().await.join("alloc/logs").exists(), "the pid is that of the task");
        world.daemon().start();
        goes_on(&mut task).await;
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_task_whose_logs_nobody_wants_is_not_held_up() {
    test(async |world| {
        let nowhere = |config: &mut TaskConfig| {
            config.stdout_path = "/dev/null".to_owned();
            config.stderr_path = "/dev/null".to_owned();
        };
        let (config, logs) = world.task("web").change(nowhere).prepare().await.unwrap();
        let script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 4";
        let mut go = GoTask::create(world, &config, script).await;
        go.driver_dies();
        let task = Task::recorded(world.shared(), go.handle(), logs);
        task.recover().await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(4));
        task.destroy(false).await.unwrap();
        nothing_is_left(world, &go.fifos).await;
    });
}

#[test]
fn what_the_driver_itself_runs_in_that_container_is_not_the_go_drivers() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let pid = task.pid().await;
        let mut handle = task.handle_after_restart();
        handle.version = 1;
        handle.driver_state = driver_state(&task.container().await, &task.config);
        handle.config.as_mut().unwrap().id = "of-an-earlier-run".to_owned();
        let refused = limited("RecoverTask", world.driver().recover_task(&handle)).await.unwrap_err();
        assert!(refused.to_string().contains("another task"), "{refused}");
        assert!(!is_gone(pid));
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
    });
}

/// A log pipe that only the test reads.
fn own_pipe(world: &World) -> PathBuf {
    let logs = world.alloc().root().join("alloc/logs");
    std::fs::create_dir_all(&logs).unwrap();
    let pipe = logs.join(".by-hand.stdout.fifo");
    fifo::make(&pipe).unwrap();
    pipe
}

fn with_pipe(world: &World, pipe: &Path) -> e2e::TaskSetup {
    let path = pipe.display().to_string();
    world.task("web").change(move |config| config.stdout_path = path)
}

/// What comes from the pipe until there is at least this much of it, or its end.
async fn read_on(pipe: std::os::fd::OwnedFd, wanted: usize) -> Vec<u8> {
    let read = tokio::task::spawn_blocking(move || {
        let (mut pipe, mut text, mut part) = (std::fs::File::from(pipe), Vec::new(), vec![0; 65536]);
        while text.len() < wanted {
            let mut ends = [PollFd::new(&pipe, PollFlags::IN)];
            let ready = rustix::event::poll(&mut ends, Some(&Timespec::try_from(limit()).unwrap())).unwrap();
            assert!(ready > 0, "nothing comes after {} bytes", text.len());
            match pipe.read(&mut part) {
                Ok(0) => return text,
                Ok(count) => text.extend_from_slice(&part[..count]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
        text
    });
    read.await.unwrap()
}
