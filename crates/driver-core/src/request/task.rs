//! What a start request means: the task as Nomad describes it, free of wire types.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::request::ids::TaskId;
use crate::request::options::TaskOptions;

/// One task that is to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// Nomad's id of this start.
    pub id: TaskId,
    /// Who the task is, in Nomad's words.
    pub identity: Identity,
    /// The task's `config` block.
    pub options: TaskOptions,
    /// The environment that the client made, `NOMAD_*` included.
    pub env: Environment,
    /// The job's `user`; empty means the image's.
    pub user: String,
    /// Limits and shares.
    pub resources: Resources,
    /// Host volumes, CSI volumes and mounts of device plugins.
    pub mounts: Vec<VolumeMount>,
    /// Devices of device plugins.
    pub devices: Vec<HostDevice>,
    /// The directories of the allocation on the host.
    pub dirs: TaskDirs,
    /// Where the task's output goes.
    pub logs: LogPaths,
    /// The network that Nomad made, or did not.
    pub network: GroupNetwork,
    /// The group's `dns` block; empty lists are unset.
    pub dns: Dns,
}

impl TaskSpec {
    /// Whether the task shares the host's network.
    pub(crate) fn shares_host_network(&self) -> bool {
        match self.network {
            GroupNetwork::Namespace { .. } => false,
            GroupNetwork::HostPorts => true,
            GroupNetwork::Unspecified => self.options.host_network,
        }
    }
}

/// Environment variables. Values may be secrets: Debug prints the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, "[redacted]"))).finish()
    }
}

/// The names by which Nomad knows a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The allocation's id.
    pub alloc_id: String,
    /// The task's name in its group.
    pub task: String,
    /// The group's name.
    pub group: String,
    /// The job's id.
    pub job_id: String,
    /// The job's name.
    pub job_name: String,
    /// Nomad's namespace of the job.
    pub namespace: String,
    /// The node's id.
    pub node_id: String,
    /// The node's name.
    pub node_name: String,
}

/// Nomad's resources of a task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    /// `resources.cpu` in MHz, which Nomad uses as CPU shares.
    pub cpu_mhz: i64,
    /// Reserved cores as a cpuset list, or empty.
    pub cpuset_cpus: String,
    /// Share of the node's total CPU, 0.0 to 1.0.
    pub percent_ticks: f64,
    /// `resources.memory` in MiB.
    pub memory_mb: i64,
    /// `resources.memory_max` in MiB: 0 unset, −1 no hard limit.
    pub memory_max_mb: i64,
    /// The cgroup that the client made for the task (`linux_resources.cpuset_cgroup`), or empty.
    pub cpuset_cgroup: String,
}

/// A host path that is bound into the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Absolute path on the host.
    pub host_path: PathBuf,
    /// Absolute path in the task.
    pub task_path: PathBuf,
    /// Whether writes are refused.
    pub readonly: bool,
    /// How later mounts travel.
    pub propagation: Propagation,
}

/// Mount propagation in Nomad's words (`volume_mount.propagation_mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// Nothing travels.
    #[default]
    Private,
    /// Mounts of the host appear in the task.
    HostToTask,
    /// Mounts travel both ways.
    Bidirectional,
}

/// A device that the client hands to the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDevice {
    /// Path on the host.
    pub host_path: PathBuf,
    /// Path in the task.
    pub task_path: PathBuf,
    /// Letters of `r`, `w` and `m`.
    pub permissions: String,
}

/// The allocation's directories on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskDirs {
    /// Root of the allocation.
    pub alloc_root: PathBuf,
    /// `<alloc>/alloc`, bound at `/alloc`.
    pub shared: PathBuf,
    /// `<task>/local`, bound at `/local`.
    pub local: PathBuf,
    /// `<task>/secrets`, bound at `/secrets`.
    pub secrets: PathBuf,
}

/// The pipes that Nomad's log collector made, or `/dev/null`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPaths {
    /// For standard output.
    pub stdout: PathBuf,
    /// For standard error.
    pub stderr: PathBuf,
}

impl LogPaths {
    /// Output that nobody collects.
    #[must_use]
    pub fn nowhere() -> Self {
        let null = PathBuf::from("/dev/null");
        Self { stdout: null.clone(), stderr: null }
    }
}

/// What the client says of the network (`network_isolation_spec`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GroupNetwork {
    /// Nothing: host mode or no network block, which look the same on the wire.
    #[default]
    Unspecified,
    /// The same, but ports of the host are allocated to the task or its group.
    HostPorts,
    /// A network namespace that exists already.
    Namespace {
        /// Path of the namespace.
        path: PathBuf,
        /// The group's own host name, or empty.
        hostname: String,
        /// The group's own address, or empty.
        address: String,
    },
}

/// A `dns` block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dns {
    /// Name servers.
    pub servers: Vec<String>,
    /// Search domains.
    pub searches: Vec<String>,
    /// Resolver options.
    pub options: Vec<String>,
}

impl Dns {
    /// Whether the block says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.searches.is_empty() && self.options.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_variables_are_not_printed() {
        let env = Environment(BTreeMap::from([("TOKEN".to_owned(), "s3cr3t".to_owned())]));
        assert_eq!(format!("{env:?}"), r#"{"TOKEN": "[redacted]"}"#);
    }
}
