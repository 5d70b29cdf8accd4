//! Cgroups of the tests' own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{CgroupMounts, Controller, TaskCgroup, join};
use crate::testing::require_root;

/// A cgroup in every hierarchy, removed at the end. Its processes must have ended by then.
pub(crate) struct Scratch {
    cgroup: TaskCgroup,
    directories: Vec<PathBuf>,
}

const HIERARCHIES: [Controller; 6] = [
    Controller::Freezer,
    Controller::Pids,
    Controller::Memory,
    Controller::Cpu,
    Controller::Cpuacct,
    Controller::Cpuset,
];

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        require_root();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/linux-host-test-{}-{number}", std::process::id()));
        let cgroup = TaskCgroup::new(CgroupMounts::read().unwrap(), &path);
        let mut directories: Vec<_> = HIERARCHIES.iter().filter_map(|&one| cgroup.directory(one)).collect();
        directories.sort();
        directories.dedup();
        for directory in &directories {
            std::fs::create_dir_all(directory.join("inner")).unwrap();
            inherit_cores(directory);
            inherit_cores(&directory.join("inner"));
        }
        Self { cgroup, directories }
    }

    pub(crate) fn cgroup(&self) -> &TaskCgroup {
        &self.cgroup
    }

    pub(crate) fn join(&self, child: &Child) {
        self.directories.iter().for_each(|directory| join(directory, child.id()).unwrap());
    }

    pub(crate) fn join_inner(&self, child: &Child) {
        self.directories.iter().for_each(|directory| join(&directory.join("inner"), child.id()).unwrap());
    }

    pub(crate) fn remove(&self) {
        for directory in &self.directories {
            remove(&directory.join("inner"));
            remove(directory);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A new cpuset of v1 has no cores, and takes no process before it has.
fn inherit_cores(directory: &Path) {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let (own, above) = (directory.join(name), directory.parent().unwrap().join(name));
        if own.exists() && above.exists() {
            std::fs::write(own, std::fs::read(above).unwrap()).unwrap();
        }
    }
}

fn remove(directory: &Path) {
    match std::fs::remove_dir(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // A panic here would hide the test's own.
        Err(error) => eprintln!("{directory:?} stays behind: {error}"),
    }
}

/// A process that runs until it is killed or its standard input is closed.
pub(crate) fn sleeper() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}
