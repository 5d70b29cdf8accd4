//! How long one sample of a task's usage takes, its files being open. The target is under 50 µs. Needs root: the cgroup
//! that is read is made for it.
#![expect(clippy::print_stdout, reason = "the figure is what a benchmark is for")]
#![expect(clippy::unwrap_used, reason = "a cgroup that can not be read is a broken benchmark")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use linux_host::cgroup::stats::StatsReader;
use linux_host::cgroup::{CgroupMode, CgroupMounts, Controller, TaskCgroup};

const ROUNDS: usize = 20_000;

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

fn main() {
    let mounts = CgroupMounts::read().unwrap();
    let name = format!("stats-bench-{}", std::process::id());
    let made = Made::new(&mounts, &name);
    let reader = StatsReader::open(&TaskCgroup::new(mounts.clone(), &Path::new("/").join(&name))).unwrap();
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(reader.sample().unwrap());
            start.elapsed()
        })
        .collect();
    drop(made);
    times.sort_unstable();
    let at = |part: usize| times[(ROUNDS - 1) * part / 100];
    let version = if mounts.mode() == CgroupMode::V1 { 1 } else { 2 };
    println!(
        "one sample on cgroup v{version}: median {:?}, 99 of 100 under {:?} (target: 50µs)",
        at(50),
        at(99)
    );
}
