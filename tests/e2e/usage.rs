//! What a client reads of a task's usage, against what the kernel counts and what the task is known to do.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::wait::{limited, until};
use e2e::{Task, World, cgroup, host, test};
use linux_host::cgroup::{CgroupMode, Controller};
use nomad_host::driver::{Subscription, TaskStats};
use nomad_proto::pb::driver::{CpuUsage, MemoryUsage};

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1024 * 1024;

async fn stats(world: &World, task: &Task, interval: Duration) -> Subscription<TaskStats> {
    limited("TaskStats", world.driver().task_stats(task.id(), interval)).await.unwrap()
}

/// The time of a sample in seconds, and what was read.
async fn next(stream: &mut Subscription<TaskStats>) -> (f64, CpuUsage, MemoryUsage) {
    let sample = limited("a sample", stream.next()).await.unwrap().expect("the stream goes on");
    let time = sample.timestamp.unwrap();
    let usage = sample.agg_resource_usage.unwrap();
    let seconds =
        Duration::new(time.seconds.try_into().unwrap(), time.nanos.try_into().unwrap()).as_secs_f64();
    (seconds, usage.cpu.unwrap(), usage.memory.unwrap())
}

/// The kernel's own counter of a task's CPU time, in seconds.
fn cpu_seconds(directory: &Path) -> f64 {
    let nanos = match cgroup::mode() {
        CgroupMode::V1 => {
            fs::read_to_string(directory.join("cpuacct.usage")).unwrap().trim().parse().unwrap()
        }
        CgroupMode::V2 => flat(directory, "cpu.stat", "usage_usec") * 1000,
    };
    Duration::from_nanos(nanos).as_secs_f64()
}

/// The number after a key in a file of a cgroup.
fn flat(directory: &Path, file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(directory.join(file)).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{file} has no {key}: {text}")).parse().unwrap()
}

/// CPU seconds in all, in user mode and in the kernel by the driver's samples, and in all by the kernel's counter.
async fn used(world: &World, script: &str) -> [f64; 4] {
    let task = world.task("web").shell(script).start().await;
    let directory = cgroup::directory_of(task.pid().await, Controller::Cpuacct);
    let mut stream = stats(world, &task, SECOND).await;
    let (mut last, ..) = next(&mut stream).await;
    let (begun, before) = (Instant::now(), cpu_seconds(&directory));
    let mut sums = [0.0; 3];
    for _ in 0..4 {
        let (at, cpu, _) = next(&mut stream).await;
        for (sum, percent) in sums.iter_mut().zip([cpu.percent, cpu.user_mode, cpu.system_mode]) {
            *sum += percent / 100.0 * (at - last);
        }
        last = at;
    }
    let (passed, counted) = (begun.elapsed().as_secs_f64(), cpu_seconds(&directory) - before);
    eprintln!("{sums:.3?} s by the samples, {counted:.3} s by the kernel, within {passed:.3} s");
    [sums[0], sums[1], sums[2], counted]
}

/// The same span up to the moments between a sample and its arrival.
fn assert_near(one: f64, other: f64) {
    assert!((one - other).abs() <= 0.1 + 0.15 * other, "{one} is not {other}");
}

#[test]
fn a_busy_core_is_what_the_kernel_counts_and_user_time() {
    test(async |world| {
        let [all, user, system, counted] = used(world, "while :; do :; done").await;
        assert_near(all, counted);
        assert!(user > 3.0 * system, "{user} s user, {system} s system");
        assert!((user + system - all).abs() <= 0.1 + 0.15 * all, "{user} + {system} is not {all}");
    });
}

#[test]
fn work_of_the_kernel_is_system_time() {
    test(async |world| {
        let [all, user, system, counted] = used(world, "exec cat /dev/zero > /dev/null").await;
        assert_near(all, counted);
        assert!(system > user, "{user} s user, {system} s system");
    });
}

#[test]
fn throttled_periods_and_time_are_those_of_the_kernel() {
    test(async |world| {
        let task = world.task("web").shell("while :; do :; done").start().await;
        let directory = cgroup::directory_of(task.pid().await, Controller::Cpu);
        match cgroup::mode() {
            CgroupMode::V1 => fs::write(directory.join("cpu.cfs_quota_us"), "10000").unwrap(),
            CgroupMode::V2 => fs::write(directory.join("cpu.max"), "10000 100000").unwrap(),
        }
        let mut stream = stats(world, &task, Duration::from_millis(100)).await;
        let cpu = until("throttling", async || {
            let (_, cpu, _) = next(&mut stream).await;
            (cpu.throttled_periods >= 3 && cpu.throttled_time > 0).then_some(cpu)
        })
        .await;
        let (periods, nanos) = match cgroup::mode() {
            CgroupMode::V1 => {
                (flat(&directory, "cpu.stat", "nr_throttled"), flat(&directory, "cpu.stat", "throttled_time"))
            }
            CgroupMode::V2 => (
                flat(&directory, "cpu.stat", "nr_throttled"),
                flat(&directory, "cpu.stat", "throttled_usec") * 1000,
            ),
        };
        // The counters have gone on since.
        assert!(cpu.throttled_periods <= periods && cpu.throttled_time <= nanos, "{cpu:?}");
        assert!(cpu.throttled_time >= cpu.throttled_periods * 1_000_000, "nanoseconds: {cpu:?}");
    });
}

#[test]
fn memory_is_what_the_task_holds() {
    test(async |world| {
        let directory_of = async |task: &Task| cgroup::directory_of(task.pid().await, Controller::Memory);
        let script = "dd if=/dev/zero of=/local/file bs=1M count=32 2> /dev/null; \
                      a=$(head -c 40000000 /dev/zero | tr '\\0' x); echo ready; sleep 1000; echo ${#a}";
        let mut task = world.task("web").shell(script).with(|task| task.memory_mb(256)).start().await;
        task.printed("ready").await;
        let (_, _, memory) = next(&mut stats(world, &task, SECOND).await).await;
        assert!(memory.rss >= 40_000_000 && memory.rss < 150 * MIB, "{memory:?}");
        // The file lies in the page cache where the allocation's directory has one.
        assert!(memory.usage >= memory.rss && memory.max_usage >= memory.usage, "{memory:?}");
        assert_eq!(memory.swap, 0);
        if cgroup::mode() == CgroupMode::V1 {
            let directory = directory_of(&task).await;
            assert_eq!(memory.rss, flat(&directory, "memory.stat", "total_rss"));
            assert_eq!(memory.cache, flat(&directory, "memory.stat", "total_cache"));
            let kernel = fs::read_to_string(directory.join("memory.kmem.max_usage_in_bytes"));
            let kernel: u64 = kernel.map_or(0, |text| text.trim().parse().unwrap());
            assert!(memory.kernel_usage <= kernel && memory.kernel_max_usage <= kernel, "{memory:?}");
        }
    });
}

#[test]
fn a_stream_keeps_few_files_open_and_gives_them_back() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let open = || host::descriptors(world.plugin_pid());
        let before = open();
        let mut stream = stats(world, &task, Duration::from_millis(50)).await;
        for _ in 0..3 {
            next(&mut stream).await;
        }
        let during = open();
        assert!(during > before && during <= before + 8, "{before} before, {during} during");
        for _ in 0..5 {
            next(&mut stream).await;
        }
        assert_eq!(open(), during);
        drop(stream);
        until("the files' close", async || (open() <= before).then_some(())).await;
    });
}
