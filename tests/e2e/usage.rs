//! What a client reads of a task's usage, against what the kernel counts and what the task is known to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::wait::{limited, until};
use e2e::{Task, World, cgroup, environment, test};
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
    find(directory, file, key).unwrap_or_else(|| panic!("{file} has no {key}"))
}

fn find(directory: &Path, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(directory.join(file)).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

/// The number that is a file of a cgroup.
fn number(directory: &Path, file: &str) -> u64 {
    fs::read_to_string(directory.join(file)).unwrap().trim().parse().unwrap()
}

/// What the kernel says that a cgroup holds, in bytes.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    rss: u64,
    cache: u64,
    swap: u64,
}

impl Held {
    fn read(directory: &Path) -> Self {
        let stat = |key| flat(directory, "memory.stat", key);
        match cgroup::mode() {
            CgroupMode::V1 => Self {
                rss: stat("total_rss"),
                cache: stat("total_cache"),
                // Only where the kernel counts swap for cgroups.
                swap: find(directory, "memory.stat", "total_swap").unwrap_or(0),
            },
            CgroupMode::V2 => Self {
                rss: stat("anon"),
                cache: stat("file"),
                swap: number(directory, "memory.swap.current"),
            },
        }
    }
}

/// The kernel's counter of a task, read again and again in a thread of its own until this is dropped.
struct Readings {
    /// When it was read at the earliest and at the latest, and the CPU seconds; oldest first.
    taken: Arc<Mutex<Vec<(f64, f64, f64)>>>,
    _end: mpsc::Sender<()>,
}

impl Readings {
    fn begin(directory: PathBuf) -> Self {
        let (end, ended) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let readings = Arc::clone(&taken);
        std::thread::spawn(move || {
            while ended.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
                let (earliest, seconds, latest) = (now(), cpu_seconds(&directory), now());
                readings.lock().unwrap().push((earliest, latest, seconds));
            }
        });
        Self { taken, _end: end }
    }

    /// The counter at a moment: at least and at most.
    async fn at(&self, moment: f64) -> (f64, f64) {
        until("readings on both sides of a moment", async || {
            let taken = self.taken.lock().unwrap();
            let before = taken.iter().rev().find(|(_, latest, _)| *latest <= moment)?.2;
            Some((before, taken.iter().find(|(earliest, ..)| *earliest >= moment)?.2))
        })
        .await
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// CPU seconds between the first and the last of several samples.
struct Used {
    all: f64,
    user: f64,
    system: f64,
    /// The least and the most that the kernel's counter allows.
    counted: (f64, f64),
}

impl Used {
    async fn by(world: &World, script: &str) -> Self {
        let task = world.task("web").shell(script).start().await;
        let readings = Readings::begin(cgroup::directory_of(task.pid().await, Controller::Cpuacct));
        until("a reading", async || readings.taken.lock().unwrap().first().map(drop)).await;
        let mut stream = stats(world, &task, SECOND).await;
        let (first, ..) = next(&mut stream).await;
        let (mut last, mut sums) = (first, [0.0; 3]);
        for _ in 0..4 {
            let (at, cpu, _) = next(&mut stream).await;
            for (sum, percent) in sums.iter_mut().zip([cpu.percent, cpu.user_mode, cpu.system_mode]) {
                *sum += percent / 100.0 * (at - last);
            }
            last = at;
        }
        let (begun, ended) = (readings.at(first).await, readings.at(last).await);
        let counted = (ended.0 - begun.1, ended.1 - begun.0);
        eprintln!("{sums:.3?} s by the samples, {counted:.3?} s by the kernel, within {:.3} s", last - first);
        let [all, user, system] = sums;
        Self { all, user, system, counted }
    }

    /// All time is the kernel's, but for the moments between the reading and the time of a sample, which are longer
    /// where the run says that its host is slow.
    fn assert_is_the_kernels(&self) {
        let moments = 0.3 * f64::from(environment::patience());
        let (least, most) = (self.counted.0 * 0.85 - moments, self.counted.1 * 1.15 + moments);
        assert!((least..=most).contains(&self.all), "{} is not {:?}", self.all, self.counted);
    }
}

#[test]
fn a_busy_core_is_what_the_kernel_counts_and_user_time() {
    test(async |world| {
        let used = Used::by(world, "while :; do :; done").await;
        used.assert_is_the_kernels();
        let (all, user, system) = (used.all, used.user, used.system);
        assert!(user > 3.0 * system, "{user} s user, {system} s system");
        assert!((user + system - all).abs() <= 0.1 + 0.15 * all, "{user} + {system} is not {all}");
    });
}

#[test]
fn work_of_the_kernel_is_system_time() {
    test(async |world| {
        let used = Used::by(world, "exec cat /dev/zero > /dev/null").await;
        used.assert_is_the_kernels();
        assert!(used.system > used.user, "{} s user, {} s system", used.user, used.system);
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
        let script = "dd if=/dev/zero of=/local/file bs=1M count=32 2> /dev/null; \
                      a=$(head -c 40000000 /dev/zero | tr '\\0' x); echo ready; sleep 1000; echo ${#a}";
        let mut task = world.task("web").shell(script).with(|task| task.memory_mb(256)).start().await;
        task.printed("ready").await;
        let directory = cgroup::directory_of(task.pid().await, Controller::Memory);
        // The kernel brings the counters of its processors together now and then.
        let (held, memory) = until("a sample between two readings that are the same", async || {
            let before = Held::read(&directory);
            let (_, _, memory) = next(&mut stats(world, &task, SECOND).await).await;
            (Held::read(&directory) == before).then_some((before, memory))
        })
        .await;
        assert_eq!(Held { rss: memory.rss, cache: memory.cache, swap: memory.swap }, held);
        assert!(memory.rss >= 40_000_000 && memory.rss < 150 * MIB, "{memory:?}");
        // The file lies in the page cache where the allocation's directory has one.
        assert!(memory.usage >= memory.rss && memory.max_usage >= memory.usage, "{memory:?}");
        match cgroup::mode() {
            CgroupMode::V1 => {
                let kernel = fs::read_to_string(directory.join("memory.kmem.max_usage_in_bytes"));
                let kernel: u64 = kernel.map_or(0, |text| text.trim().parse().unwrap());
                assert!(memory.kernel_usage <= kernel && memory.kernel_max_usage <= kernel, "{memory:?}");
            }
            CgroupMode::V2 => {
                let peak = number(&directory, "memory.peak");
                assert!(memory.max_usage <= peak, "{memory:?} with a peak of {peak}");
                assert!(memory.kernel_usage > 0 && memory.kernel_usage < memory.usage, "{memory:?}");
            }
        }
    });
}

#[test]
fn a_stream_keeps_few_files_open_and_gives_them_back() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let open = || cgroup::open_files(world.plugin_pid(), &world.alloc().id);
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
