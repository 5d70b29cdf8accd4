//! The task's `config` block, decoded.

use std::collections::BTreeMap;
use std::time::Duration;

/// The options of one task, as the job has them. The schema of them belongs to the plugin side, their meaning to
/// the policy. An empty text or list and a zero are an option that is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOptions {
    /// `image`: a reference in Docker's familiar or in the full form.
    pub image: String,
    /// `image_pull_timeout`: deadline of a whole pull; unset is the operator's.
    pub image_pull_timeout: Option<Duration>,
    /// `command`: replaces the image's CMD.
    pub command: Option<String>,
    /// `args`: appended to the command, or in the place of CMD.
    pub args: Vec<String>,
    /// `entrypoint`: replaces the image's ENTRYPOINT and drops its CMD; empty is unset.
    pub entrypoint: Vec<String>,
    /// `cwd`: working directory, made when it is missing.
    pub cwd: Option<String>,
    /// `hostname`: the host name in the container.
    pub hostname: String,
    /// `host_network`: the host's network namespace, resolv.conf and hosts.
    pub host_network: bool,
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
    /// `readonly_rootfs`: the image's file system can not be written.
    pub readonly_rootfs: bool,
    /// `sysctl`: kernel parameters of the container's namespaces.
    pub sysctl: BTreeMap<String, String>,
    /// `shm_size`: size of `/dev/shm`, such as `128M`.
    pub shm_size: String,
    /// `pids_limit`: how many processes and threads; not positive is no limit.
    pub pids_limit: i64,
    /// `file_limit`: how many open files.
    pub file_limit: i64,
    /// `cpuset_cpus`: the CPUs that the task may run on, such as `0-2,7`.
    pub cpuset_cpus: String,
    /// `cpuset_mems`: the memory nodes that the task may use.
    pub cpuset_mems: String,
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
