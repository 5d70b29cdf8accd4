//! Few descriptors: what the driver has of them, and what it does when they run short.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use e2e::wait::{limited, until};
use e2e::{Plugin, environment, host, test};
use nomad_host::driver::{DriverClient, TaskExit};
use nomad_host::plugin::PluginProcess;

const NEVER: Duration = Duration::from_secs(3600);
/// The hard limit of a plugin that has little room.
const LIMIT: usize = 128;
/// So many are in use, up to the 8 of one more stream, when a start finds too few free and an exec enough: a start
/// is refused from 65 on, an exec from 86 on. A few come and go.
const FEW: usize = 70;

/// A plugin that can open no more than `hard` files, and was started with a soft limit below it.
async fn limited_to(hard: usize) -> PluginProcess {
    let (mut options, _log) = Plugin::options();
    options.binary = "prlimit".into();
    let options = options.argument(format!("--nofile=64:{hard}")).argument(environment::driver());
    limited("the handshake", PluginProcess::start(options)).await.unwrap()
}

fn soft_limit(pid: u32) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap()
}

async fn first_sample(driver: &DriverClient, id: &str) -> impl Sized + use<> {
    let mut stream = limited("TaskStats", driver.task_stats(id, NEVER)).await.unwrap();
    limited("a sample", stream.next()).await.unwrap().unwrap();
    stream
}

#[test]
fn the_soft_limit_is_raised_and_a_start_without_room_is_refused_in_one_sentence() {
    test(async |world| {
        let process = limited_to(LIMIT).await;
        assert_eq!(soft_limit(process.pid()), LIMIT);
        let driver = process.driver();
        limited("SetConfig", driver.configure(world.config())).await.unwrap();
        let (config, logs) = world.task("one").shell("sleep 1000").prepare().await.unwrap();
        let handle = limited("StartTask", driver.start_task(&config)).await.unwrap();
        world.shared().remember(&handle);
        println!("{} descriptors with one task", host::descriptors(process.pid()));
        let mut streams = Vec::new();
        while host::descriptors(process.pid()) < FEW {
            streams.push(first_sample(&driver, &config.id).await);
        }
        let (second, second_logs) = world.task("two").shell("exit 3").prepare().await.unwrap();
        let refused = limited("StartTask", driver.start_task(&second)).await.unwrap_err();
        let (free, rest) = refused
            .to_string()
            .split_once(" free file descriptors, and the driver has ")
            .map(|(needed, rest)| (needed.to_owned(), rest.to_owned()))
            .unwrap_or_else(|| panic!("{refused}"));
        assert!(free.starts_with("a start needs "), "{refused}");
        assert!(
            rest.ends_with(": raise the limit of open files (LimitNOFILE) of the Nomad agent"),
            "{refused}"
        );
        assert!(refused.is_recoverable(), "a later start may find room");
        // The tasks that are there can be asked, commanded and ended.
        let result = limited("ExecTask", driver.exec_task(&config.id, ["true"], NEVER)).await.unwrap();
        assert_eq!(result.exit, TaskExit::code(0));
        drop(streams);
        until("room", async || driver.start_task(&second).await.ok()).await;
        assert_eq!(limited("WaitTask", driver.wait_task(&second.id)).await.unwrap(), TaskExit::code(3));
        for id in [&config.id, &second.id] {
            limited("DestroyTask", driver.destroy_task(id, true)).await.unwrap();
        }
        drop((logs, second_logs));
        assert!(limited("the shutdown", process.shutdown()).await.is_some_and(|status| status.success()));
    });
}

#[test]
fn connections_that_exhaust_the_descriptors_do_not_end_the_plugin() {
    test(async |world| {
        let process = limited_to(LIMIT).await;
        let driver = process.driver();
        limited("SetConfig", driver.configure(world.config())).await.unwrap();
        let connections: Vec<_> =
            (0..LIMIT).map(|_| UnixStream::connect(process.socket()).unwrap()).collect();
        until("no descriptor left", async || (host::descriptors(process.pid()) >= LIMIT).then_some(())).await;
        let unknown = limited("InspectTask", driver.inspect_task("unknown")).await.unwrap_err();
        assert_eq!(unknown.to_string(), "task not found for given id");
        let (config, logs) = world.task("one").shell("true").prepare().await.unwrap();
        let refused = limited("StartTask", driver.start_task(&config)).await.unwrap_err();
        assert!(refused.to_string().starts_with("a start needs ") && refused.is_recoverable(), "{refused}");
        drop(connections);
        until("a start", async || driver.start_task(&config).await.ok()).await;
        limited("DestroyTask", driver.destroy_task(&config.id, true)).await.unwrap();
        drop(logs);
        assert!(limited("the shutdown", process.shutdown()).await.is_some_and(|status| status.success()));
    });
}
