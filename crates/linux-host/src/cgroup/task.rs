//! The processes of one task's cgroup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CgroupError, CgroupMode, CgroupMounts};

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

    /// Ids of the processes in it and in the cgroups beneath it.
    ///
    /// # Errors
    /// [`CgroupError::Gone`] when the cgroup does not exist, [`CgroupError::Io`].
    pub fn pids(&self) -> Result<Vec<u32>, CgroupError> {
        let _ = &self.path;
        todo!()
    }

    /// Sends SIGKILL to every process and blocks until all have ended, at most for `timeout`. A cgroup that does
    /// not exist is success.
    ///
    /// # Errors
    /// [`CgroupError::StillAlive`] after the time, [`CgroupError::Kill`], [`CgroupError::Io`].
    pub fn kill_all(&self, timeout: Duration) -> Result<(), CgroupError> {
        let _ = timeout;
        todo!()
    }

    /// How many processes the kernel's OOM killer has ended in this cgroup.
    ///
    /// # Errors
    /// [`CgroupError::Gone`], [`CgroupError::Io`].
    pub fn oom_kills(&self) -> Result<u64, CgroupError> {
        todo!()
    }
}

/// Moves a process (with all its threads) into the cgroup `directory`.
///
/// # Errors
/// [`CgroupError::Gone`] when the directory does not exist, [`CgroupError::NoProcess`], [`CgroupError::Io`].
pub fn join(directory: &Path, pid: u32) -> Result<(), CgroupError> {
    let _ = (directory, pid);
    todo!()
}
