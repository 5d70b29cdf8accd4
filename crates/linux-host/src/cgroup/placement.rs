//! Where a task's cgroup goes, from what the client says.

use std::path::PathBuf;

use super::CgroupMounts;

/// How the task's CPUs are bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cpuset {
    /// By the cgroup of the placement itself.
    WithTask,
    /// By a cpuset of the client's (v1): its processes are moved into this directory.
    MoveInto(PathBuf),
}

/// A task's place in the cgroup tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Absolute path below the mount point of each hierarchy, for the spec's `cgroupsPath`.
    pub cgroups_path: PathBuf,
    /// How its CPUs are bound.
    pub cpuset: Cpuset,
}

/// The client named a place that can not be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementError {
    /// The path is not beneath the hierarchy's mount point.
    #[error("the cgroup {path:?} is not beneath {mount:?}")]
    Outside {
        /// The path as given.
        path: PathBuf,
        /// Where the hierarchy is mounted.
        mount: PathBuf,
    },
    /// The allocation's or task's name can not be part of a path.
    #[error("{name:?} can not be the name of a cgroup")]
    Name {
        /// The name.
        name: String,
    },
}

/// Maps the client's `cpuset_cgroup` (empty when it gave none) to the task's place.
///
/// # Errors
/// [`PlacementError`].
pub fn place(
    mounts: &CgroupMounts,
    cpuset_cgroup: &str,
    alloc_id: &str,
    task: &str,
) -> Result<Placement, PlacementError> {
    let _ = (mounts, cpuset_cgroup, alloc_id, task);
    todo!()
}
