//! Percentages from counters, and a stream that outlives its source.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use linux_host::cgroup::{CgroupMode, CgroupMounts, Controller};

use super::*;
use crate::testing::world::{RUNS, World};

#[tokio::test(start_paused = true)]
async fn a_sample_that_fails_does_not_end_the_stream_and_the_end_of_the_task_does() {
    let usage =
        TaskUsage { at: SystemTime::UNIX_EPOCH, cpu: CpuUsage::default(), memory: MemorySample::default() };
    let (sender, mut receiver) = mpsc::channel(1);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let mut asked = 0;
    let next = move || {
        asked += 1;
        (asked % 3 == 0).then_some(usage)
    };
    let ended = async { drop(ended.await) };
    let streaming = tokio::spawn(stream(Duration::from_secs(1), ended, sender, next));
    for _ in 0..3 {
        assert_eq!(receiver.recv().await, Some(usage));
    }
    end.send(()).unwrap();
    streaming.await.unwrap();
    assert_eq!(receiver.recv().await, None);
}

fn counters(usage_ns: u64) -> CpuSample {
    CpuSample { usage_ns: Some(usage_ns), user_ns: Some(usage_ns / 2), ..CpuSample::default() }
}

#[test]
fn percent_is_cpu_time_over_the_time_that_passed() {
    let mut meter = CpuMeter::new(3000.0);
    let start = Instant::now();
    assert_eq!(meter.measure(start, counters(7)).percent, 0.0);
    let usage = meter.measure(start + Duration::from_secs(2), counters(1_000_000_007));
    assert!((usage.percent - 50.0).abs() < 1e-6, "{}", usage.percent);
    assert!((usage.user_percent - 25.0).abs() < 1e-6);
    assert!((usage.ticks - 1500.0).abs() < 1e-3);
}

#[test]
fn a_counter_that_went_back_is_no_usage() {
    let mut meter = CpuMeter::new(1000.0);
    let start = Instant::now();
    meter.measure(start, counters(500));
    assert_eq!(meter.measure(start + Duration::from_secs(1), counters(100)).percent, 0.0);
}

/// A cgroup of this test's own: its directories in every hierarchy, beneath one that has nothing else in it.
struct Cgroup {
    parents: BTreeSet<PathBuf>,
    name: String,
}

impl Cgroup {
    /// One that is not there, and what a client would call it.
    fn new() -> (Self, String) {
        let parent = format!("driver-core-stats-{}", std::process::id());
        let mounts = CgroupMounts::read().unwrap();
        let controllers = [Controller::Cpu, Controller::Cpuacct, Controller::Memory];
        let hierarchies = controllers.iter().filter_map(|controller| mounts.controller(*controller));
        let parents = hierarchies.map(|mount| mount.join(&parent)).collect();
        let cpusets = mounts.controller(Controller::Cpuset).unwrap().join(&parent);
        let (name, of_client) = match mounts.mode() {
            CgroupMode::V1 => ("alloc-1.web", cpusets.join("share")),
            CgroupMode::V2 => ("alloc-1.web.scope", cpusets.join("alloc-1.web.scope")),
        };
        (Self { parents, name: name.to_owned() }, of_client.to_str().unwrap().to_owned())
    }

    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        self.parents.iter().map(|parent| parent.join(&self.name))
    }

    fn make(&self) {
        self.directories().for_each(|directory| fs::create_dir_all(directory).unwrap());
    }

    fn remove(&self) {
        self.directories().for_each(|directory| fs::remove_dir(directory).unwrap());
    }

    /// How many files of it this process has open.
    fn open_files(&self) -> usize {
        let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
        // Another one may have been closed meanwhile.
        let files = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        files.filter(|file| self.parents.iter().any(|parent| file.starts_with(parent))).count()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for directory in self.directories().chain(self.parents.iter().cloned()) {
            // A panic here would hide the test's own.
            if let Err(error) = fs::remove_dir(&directory)
                && directory.exists()
            {
                eprintln!("{directory:?} stays behind: {error}");
            }
        }
    }
}

/// Looks until it is so, on the clock of the host.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let looking = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn next(stream: &mut mpsc::Receiver<TaskUsage>) -> TaskUsage {
    tokio::time::timeout(Duration::from_secs(60), stream.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_stream_goes_on_when_the_tasks_cgroup_vanishes_and_returns() {
    let (cgroup, of_client) = Cgroup::new();
    let world = World::new();
    let mut spec = world.spec(RUNS);
    spec.resources.cpuset_cgroup = of_client;
    let handle = world.driver.start_task(spec).await.unwrap();
    assert!(
        cgroup
            .directories()
            .all(|directory| directory.ends_with(handle.state.cgroup.strip_prefix("/").unwrap()))
    );
    // The first samples fail: nothing is there yet.
    let mut stream = world.driver.task_stats(&handle.id, Duration::from_millis(1)).unwrap();
    for _ in 0..3 {
        cgroup.make();
        assert!(next(&mut stream).await.cpu.counters.usage_ns.is_some());
        cgroup.remove();
        // Files that are kept open are given up by a sample that fails. Until then the stream wants to be read.
        until("a sample that failed", || {
            let _taken_before = stream.try_recv();
            cgroup.open_files() == 0
        })
        .await;
        while stream.try_recv().is_ok() {}
    }
    cgroup.make();
    next(&mut stream).await;
    drop(stream);
    until("no open files", || cgroup.open_files() == 0).await;
}
