//! The plan: every option of a container with its impure facts already resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{Cgroup, Device, Mount, NetworkNamespace, Resources, Rootfs, User};

/// Everything that decides a container's spec. It has no defaults: a caller states each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The command line of the first process; never empty.
    pub args: Vec<String>,
    /// Environment variables in order; of equal names the last value wins and keeps the first one's place.
    pub env: Vec<(String, String)>,
    /// Absolute working directory inside the container.
    pub cwd: PathBuf,
    /// Who the first process runs as.
    pub user: User,
    /// Host name of the container's own UTS namespace; at most 64 bytes.
    pub hostname: String,
    /// Where the root file system is and how it is mounted.
    pub rootfs: Rootfs,
    /// Which network namespace the container is in.
    pub network: NetworkNamespace,
    /// Where the container's cgroup lies.
    pub cgroup: Cgroup,
    /// CPU and memory limits.
    pub resources: Resources,
    /// Mounts beside the baseline's, or in the place of one with the same destination.
    pub mounts: Vec<Mount>,
    /// Device nodes beside the default ones.
    pub devices: Vec<Device>,
    /// Annotations for the runtime.
    pub annotations: BTreeMap<String, String>,
}
