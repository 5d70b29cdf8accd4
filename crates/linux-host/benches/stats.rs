//! How long one sample of a task's usage takes, its files being open. It fails where the median of the CPU time is not
//! under the target, however often it is looked at: a host that does much else makes it longer, and nothing makes it
//! shorter. Needs root: the cgroup that is read is made for it.
#![expect(clippy::print_stdout, reason = "the figure is what a benchmark is for")]
#![expect(clippy::unwrap_used, reason = "a cgroup that cannot be read is a broken benchmark")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use linux_host::cgroup::stats::StatsReader;
use linux_host::cgroup::{CgroupMode, CgroupMounts, Controller, TaskCgroup};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 2_000;
const TARGET: Duration = Duration::from_micros(50);
/// How often so many rounds are made before a median over the target is believed.
const ATTEMPTS: usize = 20;

/// A cgroup in every hierarchy, with a process that sleeps in it; taken away at the end.
struct Made(Vec<PathBuf>, std::process::Child);

impl Made {
    fn new(mounts: &CgroupMounts, name: &str) -> Self {
        let controllers = [Controller::Cpu, Controller::Cpuacct, Controller::Memory];
        let mut directories: Vec<PathBuf> = controllers
            .iter()
            .filter_map(|one| mounts.controller(*one))
            .map(|root| root.join(name))
            .collect();
        directories.sort();
        directories.dedup();
        let process = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        for directory in &directories {
            std::fs::create_dir_all(directory).unwrap();
            std::fs::write(directory.join("cgroup.procs"), process.id().to_string()).unwrap();
        }
        Self(directories, process)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _gone = self.1.kill();
        let _status = self.1.wait();
        for directory in &self.0 {
            let _left = std::fs::remove_dir(directory);
        }
    }
}

/// The CPU time that this thread has had: what other programs of the host take is not the reader's.
fn spent() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

/// The medians of what the CPU and what the wall says.
fn medians(reader: &StatsReader) -> [Duration; 2] {
    let times: Vec<[Duration; 2]> = (0..ROUNDS)
        .map(|_| {
            let (start, before) = (Instant::now(), spent());
            black_box(reader.sample().unwrap());
            [spent() - before, start.elapsed()]
        })
        .collect();
    [0, 1].map(|clock| {
        let mut times: Vec<Duration> = times.iter().map(|time| time[clock]).collect();
        times.sort_unstable();
        times[ROUNDS / 2]
    })
}

/// Says it as a test does, so that it is counted as one.
fn main() -> ExitCode {
    let mounts = CgroupMounts::read().unwrap();
    let name = format!("stats-bench-{}", std::process::id());
    let made = Made::new(&mounts, &name);
    let reader = StatsReader::open(&TaskCgroup::new(mounts.clone(), &Path::new("/").join(&name))).unwrap();
    let mut best = [Duration::MAX; 2];
    for _ in 0..ATTEMPTS {
        best = best.min(medians(&reader));
        if best[0] < TARGET {
            break;
        }
    }
    drop(made);
    let [of_cpu, on_the_wall] = best;
    let version = if mounts.mode() == CgroupMode::V1 { 1 } else { 2 };
    let what = format!("a sample of usage on cgroup v{version}");
    println!("{what}: {of_cpu:?} of the CPU, {on_the_wall:?} on the wall (target: {TARGET:?} of the CPU)");
    let under = of_cpu < TARGET;
    println!("test {what} ... {}", if under { "ok" } else { "FAILED" });
    println!("test result: {}", if under { "ok. 1 passed; 0 failed" } else { "FAILED. 0 passed; 1 failed" });
    if under { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
