//! What running tasks cost the driver: memory, open files, and processor time for their usage.

use std::time::{Duration, Instant};

use e2e::wait::{limited, until};
use e2e::{World, environment, host, test};
use futures::future::join_all;
use nomad_host::driver::{Subscription, TaskStats};

/// As often as a client asks unless it is configured otherwise.
const INTERVAL: Duration = Duration::from_secs(1);
/// Samples of each task over which processor time is counted.
const SAMPLES: u32 = 10;
/// Tasks that are started beside each other.
const BESIDE: usize = 10;
/// Descriptors of what all tasks share, such as connections that come and go.
const SHARED: usize = 8;
/// Descriptors of a task whose usage is read, as the README tells.
const OF_USAGE: usize = 8;
/// Memory that starts leave behind whatever their number, and that of each task, in KiB.
const GROWTH_KIB: u64 = 8 * 1024;
const OF_TASK_KIB: u64 = 64;

/// The unit of times in `/proc/<pid>/stat`: USER_HZ is 100 wherever this driver runs.
const TICK: Duration = Duration::from_millis(10);

/// What the plugin has at a moment.
struct Footprint {
    descriptors: usize,
    resident_kib: u64,
    cpu: Duration,
}

impl Footprint {
    fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // After the name: utime and stime are the fields 14 and 15 (proc_pid_stat(5)).
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
        Self {
            descriptors: host::descriptors(pid),
            resident_kib: host::status(pid, "VmRSS"),
            cpu: TICK * u32::try_from(ticks).unwrap(),
        }
    }
}

/// Starts tasks until there are so many; gives the new ones' ids. Log lines go nowhere: the pipes are the client's.
async fn start(world: &World, from: usize, to: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for first in (from..to).step_by(BESIDE) {
        let mut configs = Vec::new();
        for number in first..to.min(first + BESIDE) {
            let setup = world.task(&format!("task{number}")).shell("sleep 100000");
            let (mut config, logs) = setup.prepare().await.unwrap();
            "/dev/null".clone_into(&mut config.stdout_path);
            "/dev/null".clone_into(&mut config.stderr_path);
            drop(logs);
            configs.push(config);
        }
        let driver = world.driver();
        for handle in join_all(configs.iter().map(|config| driver.start_task(config))).await {
            world.shared().remember(&handle.unwrap());
        }
        ids.extend(configs.into_iter().map(|config| config.id));
    }
    ids
}

/// Reads the usage of every task; gives what the plugin has meanwhile, and the share of one processor that it takes.
async fn while_usage_is_read(world: &World, ids: &[String]) -> (Footprint, f64) {
    let pid = world.plugin_pid();
    let driver = world.driver();
    let mut streams: Vec<Subscription<TaskStats>> = Vec::new();
    for id in ids {
        streams.push(limited("TaskStats", driver.task_stats(id, INTERVAL)).await.unwrap());
    }
    let sample = async |streams: &mut [Subscription<TaskStats>]| {
        let next = |stream| async { limited("a sample", Subscription::next(stream)).await.unwrap().unwrap() };
        join_all(streams.iter_mut().map(next)).await;
    };
    sample(&mut streams).await;
    let (before, begun) = (Footprint::of(pid), Instant::now());
    for _ in 0..SAMPLES {
        sample(&mut streams).await;
    }
    let (after, took) = (Footprint::of(pid), begun.elapsed());
    let share = (after.cpu - before.cpu).as_secs_f64() / took.as_secs_f64();
    (after, share)
}

#[test]
fn running_tasks_cost_little_memory_and_no_files_but_those_of_their_usage() {
    let counts: &[usize] = if environment::long() { &[100, 500] } else { &[20] };
    test(async |world| {
        let pid = world.plugin_pid();
        let none = Footprint::of(pid);
        println!("no task: {} KiB, {} descriptors", none.resident_kib, none.descriptors);
        let mut ids = Vec::new();
        for &count in counts {
            ids.extend(start(world, ids.len(), count).await);
            until("no descriptors of starts", async || {
                (host::descriptors(pid) <= none.descriptors + SHARED).then_some(())
            })
            .await;
            let idle = Footprint::of(pid);
            let (read, share) = while_usage_is_read(world, &ids).await;
            println!(
                "{count} tasks: {} KiB, {} descriptors; with their usage every second: {} KiB, {} descriptors, \
                 {:.1} % of one processor",
                idle.resident_kib,
                idle.descriptors,
                read.resident_kib,
                read.descriptors,
                share * 100.0,
            );
            assert!(read.descriptors <= none.descriptors + SHARED + OF_USAGE * count);
            let tasks = u64::try_from(count).unwrap();
            let most = none.resident_kib + GROWTH_KIB + OF_TASK_KIB * tasks;
            assert!(read.resident_kib <= most, "{} KiB, {most} allowed", read.resident_kib);
        }
        let driver = world.driver();
        for some in ids.chunks(BESIDE) {
            for removed in join_all(some.iter().map(|id| driver.destroy_task(id, true))).await {
                removed.unwrap();
            }
        }
    });
}
