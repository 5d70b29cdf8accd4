//! Where the container's cgroup lies (`linux.cgroupsPath`).

use std::path::PathBuf;

/// Which cgroup hierarchy the controllers are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// One hierarchy per controller (also the hybrid layout).
    V1,
    /// The unified hierarchy.
    V2,
}

/// The container's place in the cgroup tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Which hierarchy the limits are for.
    pub mode: CgroupMode,
    /// Absolute path below the mount point of each hierarchy.
    pub path: PathBuf,
}
