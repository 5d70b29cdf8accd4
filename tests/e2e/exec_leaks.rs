//! What commands in a task leave behind: nothing, however many there were and whoever went away.

use std::path::PathBuf;
use std::time::Duration;

use e2e::host::{self, Sleep};
use e2e::wait::{limited, until, until_true};
use e2e::{Task, World, environment, test};
use nomad_host::driver::TaskExit;

const NO_LIMIT: Duration = Duration::ZERO;

/// Everything that grows when something of an exec stays.
#[derive(Debug, PartialEq, Eq)]
struct Footprint {
    of_plugin: usize,
    of_shim: usize,
    processes: usize,
    files: Vec<PathBuf>,
}

async fn footprint(world: &World, task: &Task) -> Footprint {
    let pid = task.pid().await;
    let shim = u32::try_from(host::status(pid, "PPid")).unwrap();
    let namespace = host::namespace_of(pid, "pid");
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let inside = entries.filter(|entry| {
        std::fs::read_link(entry.path().join("ns/pid")).is_ok_and(|of| of.as_os_str() == namespace.as_str())
    });
    Footprint {
        of_plugin: host::descriptors(world.plugin_pid()),
        of_shim: host::descriptors(shim),
        processes: inside.count(),
        files: exec_files(world, &task.container().await),
    }
}

/// The directories of execs that the driver has for a container.
pub(crate) fn exec_files(world: &World, container: &str) -> Vec<PathBuf> {
    let directory = world.state_dir().join("tasks").join(container);
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains("/exec-")).collect()
}

/// What a shim keeps open of an exec with a terminal, the reading end of its input, until its own garbage collection.
const KEPT_BY_TERMINAL: usize = 2;

async fn assert_nothing_more(world: &World, task: &Task, before: &Footprint, terminals: usize) {
    let no_more = async || {
        let now = footprint(world, task).await;
        let of_shim = before.of_shim + KEPT_BY_TERMINAL * terminals;
        let fewer = now.of_plugin <= before.of_plugin && now.of_shim <= of_shim;
        fewer && now.processes == before.processes && now.files.is_empty()
    };
    until("nothing left of the execs", async || no_more().await.then_some(())).await;
}

async fn idle(world: &World) -> (Task, Footprint) {
    let mut task = world.task("web").shell("sleep 1000 & echo ready; wait").start().await;
    task.printed("ready").await;
    for _ in 0..3 {
        task.exec(&["true"], NO_LIMIT).await.unwrap();
    }
    let before = footprint(world, &task).await;
    assert!(before.files.is_empty(), "{before:?}");
    (task, before)
}

#[test]
fn a_hundred_commands_at_once_leave_nothing() {
    test(async |world| {
        let (task, before) = idle(world).await;
        let commands = (0..100).map(|number| {
            let (driver, id) = (world.driver(), task.id().to_owned());
            async move {
                let command = ["/bin/sh", "-c", &format!("echo {number}; exit {number}")];
                driver.exec_task(&id, command, NO_LIMIT).await.unwrap()
            }
        });
        let results = futures::future::join_all(commands).await;
        for (number, result) in results.into_iter().enumerate() {
            assert_eq!(result.exit, TaskExit::code(i32::try_from(number).unwrap()));
            assert_eq!(String::from_utf8(result.stdout).unwrap(), format!("{number}\n"));
        }
        assert_nothing_more(world, &task, &before, 0).await;
    });
}

#[test]
fn a_thousand_commands_one_after_the_other_leave_nothing() {
    let count = if environment::long() { 10_000 } else { 1_000 };
    test(async |world| {
        let (task, before) = idle(world).await;
        let resident = || host::status(world.plugin_pid(), "VmRSS");
        let mut warm = 0;
        for number in 0..count {
            if number == 100 {
                warm = resident();
            }
            let result = task.exec(&["true"], NO_LIMIT).await.unwrap();
            assert_eq!(result.exit, TaskExit::code(0), "command {number}");
        }
        let grown = resident().saturating_sub(warm);
        println!("{count} commands: the plugin's memory grew by {grown} KiB");
        assert!(grown < 8 * 1024, "{grown} KiB more after {count} commands");
        assert_nothing_more(world, &task, &before, 0).await;
    });
}

#[test]
fn commands_that_fail_or_are_given_up_leave_nothing() {
    test(async |world| {
        let (task, before) = idle(world).await;
        for _ in 0..5 {
            task.exec(&["no-such-program"], NO_LIMIT).await.unwrap_err();
            let sleep = Sleep::unique();
            task.exec(&["sleep", sleep.seconds()], Duration::from_millis(50)).await.unwrap_err();
            drop(task.session(&["sleep", sleep.seconds()], true).await);
            drop(task.session(&["sleep", sleep.seconds()], false).await);
            let (driver, id) = (world.driver(), task.id().to_owned());
            let seconds = sleep.seconds().to_owned();
            let call =
                tokio::spawn(async move { driver.exec_task(&id, ["sleep", &seconds], NO_LIMIT).await });
            until_true("the sleep", || sleep.runs()).await;
            call.abort();
            until_true("no sleep", || !sleep.runs()).await;
        }
        assert_nothing_more(world, &task, &before, 5).await;
    });
}

#[test]
fn a_command_of_the_killed_plugin_is_ended_by_the_one_that_recovers_the_task() {
    test(async |world| {
        let (task, before) = idle(world).await;
        let sleep = Sleep::unique();
        let session = task.session(&["sleep", sleep.seconds()], false).await;
        let tty = task.session(&["sleep", sleep.seconds()], true).await;
        until_true("both sleeps", || sleep.processes().len() == 2).await;
        world.kill_plugin().await;
        assert!(limited("the exec's end", session.finish()).await.is_err());
        assert!(limited("the exec's end", tty.finish()).await.is_err());
        assert!(sleep.runs(), "nobody has told the command that its caller is gone");
        assert_eq!(exec_files(world, &host::container_id(&world.alloc().id, "web")).len(), 2);
        world.start_plugin().await;
        task.recover().await.unwrap();
        until_true("no sleep", || !sleep.runs()).await;
        assert_eq!(task.read("echo fine").await, "fine\n");
        // The new plugin has its own number of descriptors.
        until("nothing left of the execs", async || {
            let now = footprint(world, &task).await;
            let same = now.of_shim <= before.of_shim + KEPT_BY_TERMINAL && now.processes == before.processes;
            (same && now.files.is_empty()).then_some(())
        })
        .await;
    });
}

#[test]
fn a_command_in_a_task_that_just_exits_says_so_or_ends_with_it() {
    test(async |world| {
        let (mut refused, mut ended, mut finished) = (0, 0, 0);
        let go = world.alloc().task_dirs("web").local.join("go");
        for round in 0..25_u32 {
            let setup = world.task("web").shell("read go < /local/go");
            if round == 0 {
                std::fs::create_dir_all(go.parent().unwrap()).unwrap();
                linux_host::fifo::make(&go).unwrap();
            }
            let task = setup.start().await;
            task.exec(&["true"], NO_LIMIT).await.unwrap();
            let commands = (0..4).map(|_| task.exec(&["true"], NO_LIMIT));
            let exit = async {
                tokio::time::sleep(Duration::from_millis(u64::from(round) * 3)).await;
                std::fs::write(&go, "go\n").unwrap();
            };
            let (results, ()) = tokio::join!(futures::future::join_all(commands), exit);
            for result in results {
                match result {
                    Ok(result) if result.exit == TaskExit::code(0) => finished += 1,
                    Ok(result) => {
                        assert_eq!(result.exit, TaskExit { code: 137, signal: 9, oom_killed: false });
                        ended += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.to_string(), "task web is not running");
                        refused += 1;
                    }
                }
            }
            assert_eq!(limited("the end", task.wait()).await, TaskExit::code(0));
            task.destroy(true).await.unwrap();
        }
        println!("{finished} finished, {ended} ended with the task, {refused} were refused");
        assert_eq!(finished + ended + refused, 100);
    });
}
