//! Which cgroup hierarchies are mounted, and where.

use std::path::{Path, PathBuf};

use super::CgroupError;

/// Which hierarchy the controllers are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// One hierarchy per controller (also the hybrid layout).
    V1,
    /// The unified hierarchy.
    V2,
}

/// A controller that this crate reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// CPU weight and bandwidth.
    Cpu,
    /// CPU time.
    Cpuacct,
    /// CPU placement.
    Cpuset,
    /// Freezing.
    Freezer,
    /// Memory.
    Memory,
    /// Number of processes.
    Pids,
}

/// The mounted hierarchies of this mount namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupMounts {
    mode: CgroupMode,
    mounts: Vec<(Controller, PathBuf)>,
    unified: Option<PathBuf>,
}

impl CgroupMounts {
    /// Reads `/proc/self/mountinfo`.
    ///
    /// # Errors
    /// [`CgroupError::NotMounted`], [`CgroupError::Io`].
    pub fn read() -> Result<Self, CgroupError> {
        todo!()
    }

    /// The same from the text of a mountinfo file (proc(5)).
    ///
    /// # Errors
    /// [`CgroupError::NotMounted`].
    pub fn parse(mountinfo: &str) -> Result<Self, CgroupError> {
        let _ = mountinfo;
        todo!()
    }

    /// Which hierarchy the controllers are on.
    pub fn mode(&self) -> CgroupMode {
        self.mode
    }

    /// Mount point of the hierarchy that has `controller`: on v2 always the unified one.
    pub fn controller(&self, controller: Controller) -> Option<&Path> {
        let _ = (controller, &self.mounts, &self.unified);
        todo!()
    }

    /// Whether the kernel counts swap per cgroup.
    pub fn swap_accounting(&self) -> bool {
        todo!()
    }
}

impl CgroupMode {
    /// The mode of this host.
    ///
    /// # Errors
    /// As [`CgroupMounts::read`].
    pub fn detect() -> Result<Self, CgroupError> {
        Ok(CgroupMounts::read()?.mode())
    }
}
