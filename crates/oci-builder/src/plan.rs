//! The plan: every option of a container with its impure facts already resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{
    CapabilitySet, Cgroup, Device, Hook, Limit, LimitKind, Mount, NamespaceMode, NetworkNamespace, Privilege,
    Resources, Rootfs, Seccomp, User,
};

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
    /// Host name of the container's own UTS namespace, if it has one; see [`crate::check_hostname`].
    pub hostname: String,
    /// Where the root file system is and how it is mounted.
    pub rootfs: Rootfs,
    /// Which network namespace the container is in.
    pub network: NetworkNamespace,
    /// Whose PID namespace the container is in; in one of its own the task is process 1.
    pub pid: NamespaceMode,
    /// Whose IPC namespace and `/dev/shm` the container is in.
    pub ipc: NamespaceMode,
    /// Whose UTS namespace the container is in; in the host's the host name is the host's, too.
    pub uts: NamespaceMode,
    /// Whether the container has the walls of the baseline.
    pub privilege: Privilege,
    /// The process's capabilities, from [`crate::CapabilityRequest::resolve`].
    pub capabilities: CapabilitySet,
    /// Which system calls the container can make.
    pub seccomp: Seccomp,
    /// Kernel parameters of the container's own namespaces.
    pub sysctl: BTreeMap<String, String>,
    /// Limits of the process; what is not named here is inherited from the runtime.
    pub rlimits: BTreeMap<LimitKind, Limit>,
    /// Size of `/dev/shm` in bytes, [`crate::DEFAULT_SHM_BYTES`] where nobody says more.
    pub shm_size_bytes: u64,
    /// Where the container's cgroup lies.
    pub cgroup: Cgroup,
    /// CPU, memory and process limits.
    pub resources: Resources,
    /// Paths of the root that stay writable where the root is read-only: absolute, and without links.
    pub writable_paths: Vec<PathBuf>,
    /// Mounts beside the baseline's, or in the place of one with the same destination.
    pub mounts: Vec<Mount>,
    /// Device nodes beside the default ones.
    pub devices: Vec<Device>,
    /// Programs that the runtime runs, in order.
    pub hooks: Vec<Hook>,
    /// Annotations for the runtime.
    pub annotations: BTreeMap<String, String>,
}
