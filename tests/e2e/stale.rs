//! Starts that find what an earlier one of the same task left behind.

use e2e::host::{self, Sleep};
use e2e::{Task, World, leftovers, test, wait};
use nomad_host::driver::{TaskExit, TaskPhase};

/// The id of the container of the task `web`.
fn container(world: &World) -> String {
    host::container_id(&world.alloc().id, "web")
}

async fn starts(world: &World) {
    let task = world.task("web").shell("echo here; exit 3").start().await;
    let (exit, output) = task.finish().await;
    assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(3), "here\n"));
}

#[test]
fn a_snapshot_that_was_left_behind_is_replaced() {
    test(async |world| {
        world.ctr(&["snapshots", "--snapshotter", "overlayfs", "prepare", &container(world)]);
        starts(world).await;
    });
}

#[test]
fn a_container_that_was_left_behind_is_replaced() {
    test(async |world| {
        let image = world.daemon().image("busybox");
        world.ctr(&["containers", "create", "--snapshotter", "overlayfs", &image, &container(world), "sh"]);
        starts(world).await;
    });
}

#[test]
fn a_running_container_of_the_same_name_is_ended_and_replaced() {
    test(async |world| {
        let (image, sleep) = (world.daemon().image("busybox"), Sleep::unique());
        let command =
            ["run", "--detach", "--null-io", "--snapshotter", "overlayfs", &image, &container(world)];
        world.ctr(&[&command[..], &["sleep", sleep.seconds()]].concat());
        wait::until_true("the sleep", || sleep.runs()).await;
        starts(world).await;
        assert!(!sleep.runs());
    });
}

#[test]
fn a_stopped_container_of_the_same_name_is_replaced() {
    test(async |world| {
        let image = world.daemon().image("busybox");
        let id = container(world);
        world.ctr(&["run", "--detach", "--null-io", "--snapshotter", "overlayfs", &image, &id, "true"]);
        wait::until("a stopped task", async || {
            let tasks = world.ctr(&["tasks", "list"]);
            tasks.lines().any(|line| line.contains(&id) && line.contains("STOPPED")).then_some(())
        })
        .await;
        starts(world).await;
    });
}

#[test]
fn a_task_whose_destruction_was_lost_is_ended_by_the_next_start() {
    test(async |world| {
        let sleep = Sleep::unique();
        let script = format!("trap '' TERM; {}", sleep.script());
        let first = world.task("web").shell(&script).start().await;
        wait::until_true("the sleep", || sleep.runs()).await;
        let waiting = first.wait();
        let (end, second) = tokio::join!(waiting, world.task("web").shell("sleep 1000").start());
        assert_eq!(end, TaskExit { code: 137, signal: 9, oom_killed: false });
        assert!(!sleep.runs());
        assert_ne!(first.id(), second.id());
        assert_eq!(second.inspect().await.phase, TaskPhase::Running);
    });
}

#[test]
fn a_task_that_the_killed_plugin_left_running_is_ended_by_the_next_start() {
    test(async |world| {
        let sleep = Sleep::unique();
        let _first = world.task("web").shell(&sleep.script()).start().await;
        wait::until_true("the sleep", || sleep.runs()).await;
        world.kill_plugin().await;
        world.start_plugin().await;
        starts(world).await;
        assert!(!sleep.runs());
    });
}

#[test]
fn a_start_with_the_id_of_a_running_task_adopts_it() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let again = wait::limited("StartTask", world.driver().start_task(&task.config)).await.unwrap();
        assert_eq!(again.driver_state, task.handle.driver_state);
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
    });
}

#[test]
fn parallel_starts_of_one_task_leave_one_container() {
    test(async |world| {
        // One after the other, as the pipes of the second replace those of the first.
        let sleep = Sleep::unique();
        let prepare = || world.task("web").shell(&sleep.script()).prepare();
        let (one, two) = (prepare().await.unwrap(), prepare().await.unwrap());
        let start = |(config, logs)| Task::start(world.shared(), config, logs);
        let (one, two) = tokio::join!(start(one), start(two));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        wait::until_true("one sleep", || sleep.processes().len() == 1).await;
        let left = leftovers::in_containerd(world.daemon(), &world.alloc().id);
        assert_eq!(left.iter().filter(|line| line.starts_with("container ")).count(), 1, "{left:?}");
    });
}
#[test]
fn a_container_without_its_snapshot_is_replaced() {
    test(async |world| {
        let (image, id) = (world.daemon().image("busybox"), container(world));
        world.ctr(&["containers", "create", "--snapshotter", "overlayfs", &image, &id, "sh"]);
        world.ctr(&["snapshots", "--snapshotter", "overlayfs", "remove", &id]);
        starts(world).await;
    });
}

#[test]
fn a_plugin_that_was_killed_in_the_middle_of_a_start_is_no_obstacle() {
    test(async |world| {
        let (config, logs) = world.task("web").shell("true").prepare().await.unwrap();
        // Nobody reads these pipes: the runtime waits for a reader, and the start with it.
        for path in [&config.stdout_path, &config.stderr_path] {
            std::fs::remove_file(path).unwrap();
            linux_host::fifo::make(path.as_ref()).unwrap();
        }
        let driver = world.driver();
        let start = tokio::spawn(async move { driver.start_task(&config).await });
        wait::until("a shim that waits", async || {
            let id = container(world);
            let left = leftovers::in_containerd(world.daemon(), &world.alloc().id);
            let made = left.contains(&format!("container {id}"));
            (made && !host::processes_with(&id).is_empty()).then_some(())
        })
        .await;
        world.kill_plugin().await;
        assert!(start.await.unwrap().unwrap_err().is_disconnected());
        drop(logs);
        world.start_plugin().await;
        // What the broken-off call left may still be on its way out: then, and only then, the driver says that another
        // attempt may help, and a client makes it.
        let task =
            wait::until("a start", async || match world.task("web").shell("exit 3").try_start().await {
                Ok(task) => Some(task),
                Err(error) => {
                    assert!(error.is_recoverable(), "{error}");
                    None
                }
            })
            .await;
        assert_eq!(task.wait().await, TaskExit::code(3));
    });
}
