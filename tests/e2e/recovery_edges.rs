//! Recovery under odd circumstances: many tasks, a shim that is stuck, a container that is another task's by now, an
//! operator who has become strict, a host that went down.

use std::time::{Duration, Instant};

use e2e::wait::{LIMIT, limited, until_true};
use e2e::world::Setup;
use e2e::{Plugin, Task, World, environment, leftovers, reboot, test, test_with};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use linux_host::process::{Exit, PidFd};
use linux_host::{process, signal};
use nomad_host::driver::{TaskExit, TaskHandle, TaskPhase};
use nomad_proto::cty::Value;

use crate::counting::{assert_complete, counting, goes_on};

const NEVER: Duration = Duration::from_secs(3600);
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// How long the recovery of [`many`] tasks may take.
const IN_NO_TIME: Duration = Duration::from_secs(2);
/// The same beside other tests on a host with other work to do; the long form keeps to the figure.
const BESIDE_OTHERS: Duration = Duration::from_secs(10);
/// How many are started and destroyed side by side: each call has its time from its begin on.
const AT_ONCE: usize = 16;

/// An emulated machine has neither the time nor the memory for as many shims, unless the long form is asked for.
fn many() -> usize {
    if environment::patience() == 1 || environment::long() { 200 } else { 60 }
}

/// A host with other work to do has this many tries.
const TRIES: usize = 5;

/// The times that a new plugin takes for the recovery of all, until one is short enough.
async fn recoveries(world: &World, tasks: &[Task], at_once: bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.len() < TRIES && times.iter().all(|time| *time > IN_NO_TIME * environment::patience()) {
        world.kill_plugin().await;
        world.start_plugin().await;
        let begun = Instant::now();
        if at_once {
            join_all(tasks.iter().map(Task::recover)).await.into_iter().for_each(Result::unwrap);
        } else {
            // As a client does it.
            for task in tasks {
                task.recover().await.unwrap();
            }
        }
        times.push(begun.elapsed());
    }
    times
}

#[test]
fn two_hundred_tasks_are_recovered_in_no_time() {
    let count = many();
    test(async |world| {
        let begun = Instant::now();
        let starts = (0..count).map(|number| {
            let setup = world.task(&format!("web-{number}")).command(&["sleep", "100000"]);
            let unlogged = setup.change(|config| {
                config.stdout_path = "/dev/null".to_owned();
                config.stderr_path = "/dev/null".to_owned();
            });
            unlogged.start()
        });
        let tasks: Vec<Task> = stream::iter(starts).buffered(AT_ONCE).collect().await;
        println!("{count} tasks were started in {:?}", begun.elapsed());
        let limit = if environment::long() { IN_NO_TIME } else { BESIDE_OTHERS * environment::patience() };
        for at_once in [false, true] {
            let times = recoveries(world, &tasks, at_once).await;
            println!("{count} tasks were recovered in {times:?}, at once: {at_once}");
            assert!(times.iter().any(|time| *time <= limit), "{times:?}");
        }
        for task in [&tasks[0], &tasks[count - 1]] {
            assert_eq!(task.read("echo fine").await, "fine\n");
        }
        let destroys = tasks.iter().map(|task| task.destroy(true));
        let destroyed: Vec<_> = stream::iter(destroys).buffered(AT_ONCE).collect().await;
        destroyed.into_iter().for_each(Result::unwrap);
    });
}

/// The shim of a task, stopped until this is dropped.
pub(crate) struct Stuck {
    pid: u32,
    started: u64,
}

impl Stuck {
    pub(crate) fn shim_of(task_pid: u32) -> Self {
        let pid = parent_of(task_pid);
        let stuck = Self { pid, started: process::start_time(pid).unwrap() };
        signal::send(stuck.pid, stuck.started, SIGSTOP).unwrap();
        stuck
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        // A panic in a panic would take the other tests along.
        if let Err(error) = signal::send(self.pid, self.started, SIGCONT) {
            eprintln!("the shim {} stays stopped: {error}", self.pid);
        }
    }
}

fn parent_of(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    parent.trim().parse().unwrap()
}

#[test]
fn a_task_whose_shim_is_stuck_is_taken_up_and_holds_up_no_other() {
    test(async |world| {
        let mut task = counting(world).await;
        let other = world.task("other").shell("exit 3").start().await;
        assert_eq!(other.wait().await, TaskExit::code(3));
        let stuck = Stuck::shim_of(task.pid().await);
        world.kill_plugin().await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
        other.recover().await.unwrap();
        assert_eq!(other.wait().await, TaskExit::code(3));
        drop(stuck);
        goes_on(&mut task).await;
        task.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(task.wait().await, TaskExit::code(17));
        assert_complete(&task.collect().await);
    });
}

#[test]
fn a_later_run_in_the_same_container_is_not_taken_for_the_earlier_one() {
    test(async |world| {
        let first = world.task("web").shell("sleep 1000").start().await;
        let second = world.task("web").shell("trap 'exit 5' TERM; sleep 1000 & wait").start().await;
        let pid = second.pid().await;
        world.kill_plugin().await;
        world.start_plugin().await;
        let refused = first.recover().await.unwrap_err().to_string();
        assert!(refused.contains("another task"), "{refused}");
        second.recover().await.unwrap();
        assert_eq!((second.inspect().await.phase, second.pid().await), (TaskPhase::Running, pid));
        second.stop(NEVER, "SIGTERM").await.unwrap();
        assert_eq!(second.wait().await, TaskExit::code(5));
        world.kill_plugin().await;
        world.start_plugin().await;
        let refused = first.recover().await.unwrap_err().to_string();
        assert!(refused.contains("another task"), "the exit code is not its own: {refused}");
    });
}

#[test]
fn an_operator_who_has_become_strict_ends_no_task_that_runs() {
    test(async |world| {
        let shared = world.directory().join("shared");
        std::fs::create_dir(&shared).unwrap();
        let mount = Value::from([
            ("type", Value::from("bind")),
            ("source", shared.display().to_string().into()),
            ("target", "/shared".into()),
            ("options", vec!["rbind", "rw"].into()),
        ]);
        let setup = world.task("web").shell("trap 'exit 8' TERM; sleep 1000 & wait");
        let setup = setup.option("privileged", true).option("pid_mode", "host");
        let task = setup.option("mounts", Value::List(vec![mount])).start().await;
        let pid = task.pid().await;
        world.kill_plugin().await;
        let strict = Plugin::configured(&world.config_with("security", "strict")).await;
        let (driver, id) = (strict.driver(), task.id());
        limited("RecoverTask", driver.recover_task(&task.handle_after_restart())).await.unwrap();
        let seen = driver.inspect_task(id).await.unwrap();
        assert_eq!((seen.phase, seen.attributes["pid"].as_str()), (TaskPhase::Running, &*pid.to_string()));
        let command = ["/bin/sh", "-c", "echo here > /shared/file"];
        let done = driver.exec_task(id, command, Duration::from_secs(60)).await.unwrap();
        assert_eq!(done.exit, TaskExit::code(0));
        assert_eq!(std::fs::read_to_string(shared.join("file")).unwrap(), "here\n");
        limited("StopTask", driver.stop_task(id, NEVER, "SIGTERM")).await.unwrap();
        assert_eq!(driver.wait_task(id).await.unwrap(), TaskExit::code(8));
        driver.destroy_task(id, false).await.unwrap();
        assert!(strict.shutdown().await.is_some_and(|status| status.success()));
        world.start_plugin().await;
    });
}

/// Takes everything of the task away that does not outlive the host: processes, and what lies on a tmpfs. The world
/// has a containerd of its own.
async fn host_goes_down(world: &World, task: &Task) {
    let (pid, container) = (task.pid().await, task.container().await);
    let doomed = [parent_of(pid), pid].map(|pid| PidFd::open(pid).unwrap());
    world.kill_plugin().await;
    world.daemon().kill();
    for process in doomed {
        process.kill().unwrap();
        assert!(matches!(process.wait(LIMIT), Ok(Exit::Ended)), "a process does not die");
    }
    std::fs::remove_dir_all(world.state_dir()).unwrap();
    reboot::lose(world.daemon(), &container, &world.alloc().id).await;
    world.daemon().start();
    until_true("no task", || !world.ctr(&["tasks", "list", "-q"]).contains(&container)).await;
    assert!(world.ctr(&["containers", "list", "-q"]).contains(&container));
    world.start_plugin().await;
}

/// The task's handle, as one that was started before the host went down.
fn of_another_boot(task: &Task) -> TaskHandle {
    let mut handle = task.handle_after_restart();
    let mut state: serde_json::Value = serde_json::from_slice(&handle.driver_state).unwrap();
    state["boot_id"] = "00000000-0000-0000-0000-000000000000".into();
    handle.driver_state = serde_json::to_vec(&state).unwrap();
    handle
}

#[test]
fn a_host_that_went_down_leaves_nothing_that_is_in_the_way() {
    test_with(Setup::own_daemon(), async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let handle = of_another_boot(&task);
        host_goes_down(world, &task).await;
        let refused = limited("RecoverTask", world.driver().recover_task(&handle)).await.unwrap_err();
        assert!(refused.to_string().contains("the host went down"), "{refused}");
        let again = world.task("web").shell("echo again; exit 6").start().await;
        assert_eq!(again.container().await, refused_container(&refused.to_string()));
        let id = again.id().to_owned();
        let (exit, output) = again.finish().await;
        assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(6), "again\n"));
        world.driver().destroy_task(&id, false).await.unwrap();
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:?}");
    });
}

/// What the second start of a task finds in its root file system, with the host gone down in between.
async fn found_after_reboot(world: &World) -> String {
    let write = "echo kept > /etc/kept; echo written; sleep 1000";
    let mut task = world.task("web").shell(write).start().await;
    task.printed("written").await;
    let handle = of_another_boot(&task);
    host_goes_down(world, &task).await;
    let refused = limited("RecoverTask", world.driver().recover_task(&handle)).await.unwrap_err();
    assert!(refused.to_string().contains("the host went down"), "{refused}");
    task.destroy(true).await.unwrap();
    // The end of a lease with `--sync` waits for containerd's collector, which takes all that nothing refers to.
    let lease = format!("collect-{}", world.alloc().id);
    world.ctr(&["leases", "create", "--id", &lease]);
    world.ctr(&["leases", "delete", "--sync", &lease]);
    let again = world.task("web").shell("cat /etc/kept || echo new").start().await;
    let id = again.id().to_owned();
    let (exit, output) = again.finish().await;
    assert_eq!(exit, TaskExit::code(0));
    world.driver().destroy_task(&id, false).await.unwrap();
    let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
    assert!(left.is_empty(), "{left:?}");
    output.stdout_text()
}

#[test]
fn a_file_system_outlives_the_host_where_the_operator_wants_it() {
    test_with(Setup::own_daemon().and("recover_stopped", true), async |world| {
        assert_eq!(found_after_reboot(world).await, "kept\n");
    });
}

#[test]
fn a_file_system_does_not_outlive_the_host_by_default() {
    test_with(Setup::own_daemon(), async |world| assert_eq!(found_after_reboot(world).await, "new\n"));
}

/// The container that the refusal names.
fn refused_container(text: &str) -> &str {
    text.split_once("container ").unwrap().1.split_once(' ').unwrap().0
}
