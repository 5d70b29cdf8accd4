//! Many tasks at once, again and again: none fails, and the driver does not grow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::wait::until;
use e2e::{World, environment, host, test};
use futures::future::join_all;
use nomad_host::driver::TaskConfig;

/// Rounds by default; with `--rounds` as many as are asked for, of a hundred tasks each.
const ROUNDS: usize = 3;
/// A signal that comes before its task has set its trap is lost, as that is a first process.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory that may be more after the last round than after the second, in KiB.
const GROWTH_KIB: u64 = 6 * 1024;

/// One round: all at once started, looked at, stopped, removed. Log lines go nowhere: the pipes are the client's.
async fn round(world: &World, count: usize) -> [Duration; 2] {
    let mut configs: Vec<TaskConfig> = Vec::new();
    for number in 0..count {
        let setup = world.task(&format!("task{number}")).shell("trap 'exit 0' TERM; sleep 1000 & wait");
        let (mut config, logs) = setup.prepare().await.unwrap();
        "/dev/null".clone_into(&mut config.stdout_path);
        "/dev/null".clone_into(&mut config.stderr_path);
        drop(logs);
        configs.push(config);
    }
    let configs = Arc::new(configs);
    let driver = world.driver();
    let begun = Instant::now();
    let started = join_all(configs.iter().map(|config| driver.start_task(config))).await;
    let starting = begun.elapsed();
    for handle in started {
        world.shared().remember(&handle.unwrap());
    }
    let begun = Instant::now();
    let stopped =
        join_all(configs.iter().map(|config| driver.stop_task(&config.id, STOP_TIMEOUT, "SIGTERM"))).await;
    let stopping = begun.elapsed();
    stopped.into_iter().for_each(|result| result.unwrap());
    let removed = join_all(configs.iter().map(|config| driver.destroy_task(&config.id, false))).await;
    removed.into_iter().for_each(|result| result.unwrap());
    [starting, stopping]
}

#[test]
fn tasks_that_start_and_stop_at_once_neither_fail_nor_leave_anything_in_the_driver() {
    let (rounds, count) = match environment::rounds() {
        Some(rounds) => (rounds.max(3), 100),
        None => (ROUNDS, 20),
    };
    test(async |world| {
        let pid = world.plugin_pid();
        let (mut descriptors, mut resident) = (Vec::new(), Vec::new());
        for number in 1..=rounds {
            let [starting, stopping] = round(world, count).await;
            // Calls to containerd may still be on their way out.
            if let Some(second) = descriptors.get(1).copied() {
                until("no more descriptors", async || (host::descriptors(pid) <= second).then_some(())).await;
            }
            descriptors.push(host::descriptors(pid));
            resident.push(host::status(pid, "VmRSS"));
            println!(
                "round {number}: {count} started in {:.2} s, stopped in {:.2} s; {} descriptors, {} KiB",
                starting.as_secs_f64(),
                stopping.as_secs_f64(),
                host::descriptors(pid),
                host::status(pid, "VmRSS"),
            );
        }
        let grown = resident[rounds - 1].saturating_sub(resident[1]);
        assert!(grown <= GROWTH_KIB, "{grown} KiB more: {resident:?}");
    });
}
