//! The task's `config` block, decoded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::request::credentials::Credentials;

/// The options of one task, as the job has them. The schema of them belongs to the plugin side, their meaning to
/// the policy. An empty text or list and a zero are an option that is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOptions {
    /// `image`: a reference in Docker's familiar or in the full form.
    pub image: String,
    /// `image_pull_timeout`: deadline of a whole pull; unset is the operator's.
    pub image_pull_timeout: Option<Duration>,
    /// `auth`: credentials for the image's registry; they win over the operator's.
    pub auth: Option<Credentials>,
    /// `command`: replaces the image's CMD; never empty.
    pub command: Option<String>,
    /// `args`: appended to the command, or in the place of CMD.
    pub args: Vec<String>,
    /// `entrypoint`: replaces the image's ENTRYPOINT and drops its CMD; an empty list is unset, and one that begins
    /// with an empty text stands for no entry point.
    pub entrypoint: Vec<String>,
    /// `cwd`: working directory, made when it is missing; never empty.
    pub cwd: Option<String>,
    /// `hostname`: the host name in the container.
    pub hostname: String,
    /// `host_network`: the host's network namespace, resolv.conf and hosts.
    pub host_network: bool,
    /// `network_mode` where it is not the host's: what the job takes for granted.
    pub network_mode: NetworkMode,
    /// `host_dns`: where resolv.conf comes from.
    pub host_dns: ResolverFile,
    /// `extra_hosts`: further lines of the hosts file, as `name:address`.
    pub extra_hosts: Vec<String>,
    /// `privileged`: no walls.
    pub privileged: bool,
    /// `cap_add`: names of capabilities, or `all`.
    pub cap_add: Vec<String>,
    /// `cap_drop`: names of capabilities, or `all`.
    pub cap_drop: Vec<String>,
    /// `pid_mode`: `host` for the host's PID namespace.
    pub pid_mode: String,
    /// `ipc_mode`: `host` for the host's IPC namespace.
    pub ipc_mode: String,
    /// `uts_mode`: `host` for the host's UTS namespace.
    pub uts_mode: String,
    /// `userns_mode`: `host` or nothing, as every task is in the host's user namespace.
    pub userns_mode: String,
    /// `seccomp`: whether system calls are filtered; unset is the operator's choice.
    pub seccomp: Option<bool>,
    /// `seccomp_profile`: a profile on the host in the place of the driver's own.
    pub seccomp_profile: String,
    /// `devices`: device nodes of the host.
    pub devices: Vec<DeviceOption>,
    /// `mounts`: binds and memory file systems.
    pub mounts: Vec<MountOption>,
    /// `readonly_rootfs`: the image's file system can not be written.
    pub readonly_rootfs: bool,
    /// `sysctl`: kernel parameters of the container's namespaces.
    pub sysctl: BTreeMap<String, String>,
    /// `shm_size`: size of `/dev/shm`, such as `128M`; `0` is no limit but the task's memory.
    pub shm_size: String,
    /// `pids_limit`: how many processes and threads; not positive is no limit.
    pub pids_limit: i64,
    /// `file_limit`: how many open files; not positive is unset.
    pub file_limit: i64,
    /// `cpuset_cpus`: the CPUs that the task may run on, such as `0-2,7`.
    pub cpuset_cpus: String,
    /// `cpuset_mems`: the memory nodes that the task may use.
    pub cpuset_mems: String,
}

/// The network that docker's and podman's jobs name, where it is not the host's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// None is named.
    #[default]
    Unset,
    /// `bridge`: one of the group's own.
    Bridge,
    /// `none`: nothing but loopback.
    None,
}

/// An element of `devices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceOption {
    /// `/dev/x`, `/dev/x:rwm`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rwm`, or a CDI name such as `vendor.com/class=name`.
    Text(String),
    /// Docker's block; empty parts are unset.
    Parts {
        /// The node on the host.
        host_path: String,
        /// The node in the container.
        container_path: String,
        /// Letters of r, w and m.
        cgroup_permissions: String,
    },
}

/// An element of `mounts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountOption {
    /// `type`: `volume`, `bind` or `tmpfs`.
    pub kind: String,
    /// `source`: what is mounted from.
    pub source: String,
    /// `target`: where, in the container.
    pub target: String,
    /// `options` as in fstab(5).
    pub options: Vec<String>,
    /// Docker's keys, where the block has any of them.
    pub docker: Option<DockerMountOption>,
}

/// Docker's keys of a mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerMountOption {
    /// `readonly`.
    pub readonly: bool,
    /// `bind_options.propagation`.
    pub propagation: String,
    /// `tmpfs_options.size`, in bytes or with a unit.
    pub tmpfs_size: String,
    /// `tmpfs_options.mode` as a number.
    pub tmpfs_mode: i64,
}

/// Where a container's resolv.conf comes from when there is no `dns` block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResolverFile {
    /// `host_dns = true`, the default: it is made from the host's.
    #[default]
    Host,
    /// `host_dns = false`: the one in the image.
    Image,
}
