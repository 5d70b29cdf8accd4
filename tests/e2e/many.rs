//! Many tasks at once, again and again: none fails, and the driver does not grow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::wait::{limited, until};
use e2e::{World, environment, host, test};
use futures::future::join_all;
use nomad_host::driver::TaskConfig;
use nomad_host::logs::CollectedLogs;

/// Rounds by default, and how many tasks they have: the first one a hundred, as all of those of `--rounds` have. The
/// others are there to see the driver grow.
const ROUNDS: usize = 4;
const MANY: usize = 100;
const FEW: usize = 20;
/// The traps are set before the stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory that may be more after the last round than after the second, in KiB: a few rounds tell a leak of much, and the
/// allocator has not yet come to rest.
const GROWTH_KIB: u64 = 6 * 1024;
/// With as many rounds as this and more it has: from one third of them to the next, this is what may be added.
const LONG: usize = 12;
const GROWTH_AT_REST_KIB: u64 = 1024;

/// One round: all at once started, stopped, removed; each has written a line into its pipe.
async fn round(world: &World, count: usize) -> [Duration; 2] {
    let (mut configs, mut pipes): (Vec<TaskConfig>, Vec<CollectedLogs>) = Default::default();
    for number in 0..count {
        let script = format!("trap 'exit 0' TERM; echo {number}; sleep 1000 & wait");
        let (config, logs) = world.task(&format!("task{number}")).shell(&script).prepare().await.unwrap();
        configs.push(config);
        pipes.push(logs);
    }
    let configs = Arc::new(configs);
    let driver = world.driver();
    let begun = Instant::now();
    let started = join_all(configs.iter().map(|config| driver.start_task(config))).await;
    let starting = begun.elapsed();
    for handle in started {
        world.shared().remember(&handle.unwrap());
    }
    for logs in &mut pipes {
        limited("the line of a task", logs.wait_for(|output| !output.stdout.is_empty())).await;
    }
    let begun = Instant::now();
    let stopped =
        join_all(configs.iter().map(|config| driver.stop_task(&config.id, STOP_TIMEOUT, "SIGTERM"))).await;
    let stopping = begun.elapsed();
    stopped.into_iter().for_each(|result| result.unwrap());
    for (number, logs) in pipes.into_iter().enumerate() {
        let output = limited("the end of a task's output", logs.collect()).await.unwrap();
        assert_eq!(output.stdout_text(), format!("{number}\n"));
    }
    let removed = join_all(configs.iter().map(|config| driver.destroy_task(&config.id, false))).await;
    removed.into_iter().for_each(|result| result.unwrap());
    [starting, stopping]
}

#[test]
fn tasks_that_start_and_stop_at_once_neither_fail_nor_leave_anything_in_the_driver() {
    let asked = environment::rounds();
    let rounds = asked.map_or(ROUNDS, |rounds| rounds.max(3));
    test(async |world| {
        let pid = world.plugin_pid();
        let (mut descriptors, mut resident) = (Vec::new(), Vec::new());
        for number in 1..=rounds {
            let count = if number == 1 || asked.is_some() { MANY } else { FEW };
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
        if rounds >= LONG {
            let least = |third: &[u64]| third.iter().copied().min().unwrap();
            let (middle, last) = resident[rounds / 3..].split_at(rounds / 3);
            let grown = least(last).saturating_sub(least(middle));
            assert!(grown <= GROWTH_AT_REST_KIB, "{grown} KiB more in the last third: {resident:?}");
        }
    });
}
