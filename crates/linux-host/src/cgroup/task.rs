//! The processes of one task's cgroup.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::io;
use super::tree;
use super::{CgroupError, CgroupMode, CgroupMounts, Controller};

/// How often a cpuset is emptied before what is left counts as dead.
const CPUSET_PASSES: usize = 8;

/// A task's cgroup in every hierarchy. Nothing is opened until a method needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskCgroup {
    mounts: CgroupMounts,
    path: PathBuf,
}

impl TaskCgroup {
    /// The cgroup with the spec's absolute `cgroupsPath`.
    pub fn new(mounts: CgroupMounts, cgroups_path: &Path) -> Self {
        Self { mounts, path: cgroups_path.to_owned() }
    }

    /// Which hierarchy it is on.
    pub fn mode(&self) -> CgroupMode {
        self.mounts.mode()
    }

    /// The path below the mount point of each hierarchy.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory in the hierarchy of `controller`, whether or not it exists.
    pub(super) fn directory(&self, controller: Controller) -> Option<PathBuf> {
        let mount = self.mounts.controller(controller)?;
        Some(mount.join(self.path.strip_prefix("/").unwrap_or(&self.path)))
    }

    /// Its directory in the first hierarchy that has it; every process of a task is in each of them.
    pub(super) fn any_directory(&self) -> Result<PathBuf, CgroupError> {
        let hierarchies = [Controller::Freezer, Controller::Pids, Controller::Memory, Controller::Cpu];
        let mut directories = hierarchies.iter().filter_map(|&controller| self.directory(controller));
        directories.find(|directory| directory.is_dir()).ok_or_else(|| self.gone())
    }

    pub(super) fn gone(&self) -> CgroupError {
        CgroupError::Gone { path: self.path.clone() }
    }

    /// Ids of the processes in it and in the cgroups beneath it.
    ///
    /// # Errors
    /// [`CgroupError::Gone`] when the cgroup does not exist, [`CgroupError::Io`].
    pub fn pids(&self) -> Result<Vec<u32>, CgroupError> {
        tree::pids(&self.any_directory()?)
    }

    /// On v1, moves every process of its own cpuset into the one at `directory`, for which [`join`] alone comes too
    /// late: a process that runs already may have forked before it joined.
    ///
    /// # Errors
    /// [`CgroupError::Gone`] when `directory` does not exist, [`CgroupError::Io`].
    pub fn empty_cpuset_into(&self, directory: &Path) -> Result<(), CgroupError> {
        let Some(own) = self.directory(Controller::Cpuset) else { return Ok(()) };
        // What forks before its own move leaves a child for the next pass; what has ended may be listed for ever.
        for _pass in 0..CPUSET_PASSES {
            let pids = tree::pids(&own)?;
            if pids.is_empty() {
                break;
            }
            for pid in pids {
                match join(directory, pid) {
                    Ok(()) | Err(CgroupError::NoProcess { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// How many processes the kernel's OOM killer has ended in this cgroup.
    ///
    /// # Errors
    /// [`CgroupError::Gone`], [`CgroupError::Io`].
    pub fn oom_kills(&self) -> Result<u64, CgroupError> {
        let file = match self.mode() {
            CgroupMode::V1 => "memory.oom_control",
            CgroupMode::V2 => "memory.events",
        };
        let path = self.directory(Controller::Memory).ok_or(CgroupError::NotMounted)?.join(file);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if is_gone(&error) => return Err(self.gone()),
            Err(error) => return Err(io("read", &path)(error)),
        };
        Ok(parse_oom_kills(&text))
    }
}

/// Moves a process (with all its threads) into the cgroup `directory`.
///
/// # Errors
/// [`CgroupError::Gone`] when the directory does not exist, [`CgroupError::NoProcess`], [`CgroupError::Io`].
pub fn join(directory: &Path, pid: u32) -> Result<(), CgroupError> {
    let path = directory.join("cgroup.procs");
    let mut file = match std::fs::File::options().write(true).open(&path) {
        Ok(file) => file,
        Err(error) if is_gone(&error) => return Err(CgroupError::Gone { path: directory.to_owned() }),
        Err(error) => return Err(io("open", &path)(error)),
    };
    file.write_all(pid.to_string().as_bytes()).map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::SRCH) => CgroupError::NoProcess { pid },
        Some(Errno::NODEV) => CgroupError::Gone { path: directory.to_owned() },
        _ => io("write", &path)(error),
    })
}

/// Gives a cpuset its CPUs, as a list such as `0-2,7`.
///
/// # Errors
/// [`CgroupError::Gone`] when the directory does not exist, [`CgroupError::Io`].
pub fn set_cpus(directory: &Path, cpus: &str) -> Result<(), CgroupError> {
    let path = directory.join("cpuset.cpus");
    std::fs::write(&path, cpus).map_err(|error| match is_gone(&error) {
        true => CgroupError::Gone { path: directory.to_owned() },
        false => io("write", &path)(error),
    })
}

/// Whether a file of a cgroup failed because the cgroup was removed.
pub(super) fn is_gone(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || Errno::from_io_error(error) == Some(Errno::NODEV)
}

/// The counter after `oom_kill`; kernels before 4.13 have none.
fn parse_oom_kills(text: &str) -> u64 {
    let counter = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    counter.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::testing::{Scratch, sleeper};

    #[test]
    fn the_oom_counter_is_found_in_both_forms() {
        assert_eq!(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3);
        assert_eq!(parse_oom_kills("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n"), 1);
        assert_eq!(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\n"), 0);
    }

    #[test]
    fn a_process_that_joined_is_listed_with_those_of_inner_cgroups() {
        let scratch = Scratch::new();
        let mut outer = sleeper();
        let mut inner = sleeper();
        scratch.join(&outer);
        scratch.join_inner(&inner);
        let mut expected = vec![outer.id(), inner.id()];
        expected.sort_unstable();
        assert_eq!(scratch.cgroup().pids().unwrap(), expected);
        for child in [&mut outer, &mut inner] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn a_process_or_cgroup_that_is_not_there_is_told_apart() {
        let scratch = Scratch::new();
        let directory = scratch.cgroup().any_directory().unwrap();
        let outcome = join(&directory, 2_000_000_000);
        assert!(matches!(outcome, Err(CgroupError::NoProcess { pid: 2_000_000_000 })), "{outcome:?}");
        let outcome = join(&directory.join("none"), std::process::id());
        assert!(matches!(outcome, Err(CgroupError::Gone { .. })), "{outcome:?}");
        let mounts = CgroupMounts::read().unwrap();
        let none = TaskCgroup::new(mounts, Path::new("/no-such-cgroup"));
        assert!(matches!(none.pids(), Err(CgroupError::Gone { .. })));
        assert!(matches!(none.oom_kills(), Err(CgroupError::Gone { .. })));
    }

    #[test]
    fn a_cpuset_is_emptied_into_another() {
        let (from, to) = (Scratch::new(), Scratch::new());
        let Some(target) = to.cgroup().directory(Controller::Cpuset).filter(|dir| dir.is_dir()) else {
            // Of v2 the one cgroup of a task is its cpuset.
            return assert_eq!(from.cgroup().mode(), CgroupMode::V2);
        };
        let mut child = sleeper();
        join(&from.cgroup().directory(Controller::Cpuset).unwrap(), child.id()).unwrap();
        from.cgroup().empty_cpuset_into(&target).unwrap();
        let pids = tree::pids(&target).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(pids, [child.id()]);
        let outcome = from.cgroup().empty_cpuset_into(&target.join("none"));
        assert!(outcome.is_ok(), "there is nothing to move: {outcome:?}");
    }

    #[test]
    fn a_fresh_cgroup_has_seen_no_oom_kill() {
        assert_eq!(Scratch::new().cgroup().oom_kills().unwrap(), 0);
    }
}
