//! From Nomad's messages to the driver's types. Total: what does not fit is an error that names the field.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use driver_core::NodeCpu;
use driver_core::request::ids::TaskId;
use driver_core::request::task::{
    Dns, Environment, GroupNetwork, HostDevice, Identity, LogPaths, Propagation, Resources, TaskDirs,
    TaskSpec, VolumeMount,
};
use nomad_proto::pb::base::ClientTopology;
use nomad_proto::pb::driver as pb;

use crate::options::{OptionError, task};

/// Why a message is no task.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// A field that every client sets is empty.
    #[error("the client sent no {field}")]
    Missing { field: &'static str },
    /// A field with a value that has no meaning.
    #[error("the client sent {field} = {value:?}: {accepted}")]
    Invalid { field: &'static str, value: String, accepted: &'static str },
    /// The job's `config` block.
    #[error(transparent)]
    Options(#[from] OptionError),
}

/// The task that a start request asks for.
pub(crate) fn task_spec(task: pb::TaskConfig) -> Result<TaskSpec, WireError> {
    let id = task_id(&task.id)?;
    let dirs = task_dirs(&task)?;
    let options = task::decode(&task.msgpack_driver_config)?;
    let mut env = task.device_env;
    env.extend(task.env);
    let network = group_network(task.network_isolation_spec.as_ref(), task.resources.as_ref());
    let dns = task.dns.unwrap_or_default();
    Ok(TaskSpec {
        id,
        identity: Identity {
            alloc_id: task.alloc_id,
            task: task.name,
            group: task.task_group_name,
            job_id: task.job_id,
            job_name: task.job_name,
            namespace: task.namespace,
            node_id: task.node_id,
            node_name: task.node_name,
        },
        options,
        env: Environment(env.into_iter().collect()),
        user: task.user,
        resources: resources(task.resources.unwrap_or_default()),
        mounts: task.mounts.into_iter().map(volume_mount).collect::<Result<_, _>>()?,
        devices: task.devices.into_iter().map(host_device).collect(),
        dirs,
        logs: LogPaths { stdout: task.stdout_path.into(), stderr: task.stderr_path.into() },
        network,
        dns: Dns { servers: dns.servers, searches: dns.searches, options: dns.options },
    })
}

/// A task's id; an empty one is an error.
pub(crate) fn task_id(id: &str) -> Result<TaskId, WireError> {
    if id.is_empty() { Err(WireError::Missing { field: "task id" }) } else { Ok(TaskId::new(id)) }
}

/// A duration that may be absent; absent and negative ones are zero.
pub(crate) fn duration(duration: Option<prost_types::Duration>) -> Duration {
    duration.and_then(|duration| Duration::try_from(duration).ok()).unwrap_or_default()
}

/// The node's CPUs as the client counts them: a core has its base speed, else its highest, else a guess, and
/// the operator's total overrides their sum. A task's ticks are its share of the mean core.
pub(crate) fn node_cpu(topology: &ClientTopology) -> NodeCpu {
    let speed = |core: &nomad_proto::pb::base::ClientTopologyCore| match (core.base_speed, core.max_speed) {
        (0, 0) => core.guess_speed,
        (0, max) => max,
        (base, _) => base,
    };
    let sum = topology.cores.iter().map(speed).fold(0, u64::saturating_add);
    let total_mhz = if topology.override_total_compute > 0 { topology.override_total_compute } else { sum };
    let float = |number: u64| u32::try_from(number).map_or(0.0, f64::from);
    let cores = float(topology.cores.len() as u64);
    NodeCpu { core_mhz: if cores > 0.0 { float(total_mhz) / cores } else { 0.0 }, total_mhz }
}

/// The allocation's directories, whose places beneath the root are fixed.
fn task_dirs(task: &pb::TaskConfig) -> Result<TaskDirs, WireError> {
    let root = PathBuf::from(&task.alloc_dir);
    if !root.is_absolute() {
        let accepted = "the allocation's directory must be an absolute path";
        return Err(WireError::Invalid { field: "alloc_dir", value: task.alloc_dir.clone(), accepted });
    }
    let mut parts = Path::new(&task.name).components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) || task.name.ends_with('/')
    {
        let accepted = "a task's name must be usable as the name of a directory";
        return Err(WireError::Invalid { field: "task name", value: task.name.clone(), accepted });
    }
    let own = root.join(&task.name);
    Ok(TaskDirs {
        shared: root.join("alloc"),
        local: own.join("local"),
        secrets: own.join("secrets"),
        alloc_root: root,
    })
}

fn resources(resources: pb::Resources) -> Resources {
    let linux = resources.linux_resources.unwrap_or_default();
    let allocated = resources.allocated_resources.unwrap_or_default();
    let memory = allocated.memory.unwrap_or_default();
    Resources {
        cpu_mhz: allocated.cpu.map_or(linux.cpu_shares, |cpu| cpu.cpu_shares),
        cpuset_cpus: linux.cpuset_cpus,
        percent_ticks: linux.percent_ticks,
        memory_mb: memory.memory_mb,
        memory_max_mb: memory.memory_max_mb,
        cpuset_cgroup: linux.cpuset_cgroup,
    }
}

fn volume_mount(mount: pb::Mount) -> Result<VolumeMount, WireError> {
    let propagation = match mount.propagation_mode.as_str() {
        "" | "private" => Propagation::Private,
        "host-to-task" => Propagation::HostToTask,
        "bidirectional" => Propagation::Bidirectional,
        _ => {
            let accepted = "private, host-to-task or bidirectional is accepted";
            return Err(WireError::Invalid {
                field: "propagation_mode",
                value: mount.propagation_mode,
                accepted,
            });
        }
    };
    Ok(VolumeMount {
        host_path: mount.host_path.into(),
        task_path: mount.task_path.into(),
        readonly: mount.readonly,
        propagation,
    })
}

fn host_device(device: pb::Device) -> HostDevice {
    HostDevice {
        host_path: device.host_path.into(),
        task_path: device.task_path.into(),
        permissions: device.cgroup_permissions,
    }
}

/// A namespace when the client made one; without one a group in host mode and a group without any network
/// look the same, unless ports of the host are allocated.
fn group_network(
    isolation: Option<&pb::NetworkIsolationSpec>,
    resources: Option<&pb::Resources>,
) -> GroupNetwork {
    if let Some(isolation) = isolation.filter(|isolation| !isolation.path.is_empty()) {
        let hosts = isolation.hosts_config.clone().unwrap_or_default();
        return GroupNetwork::Namespace {
            path: PathBuf::from(&isolation.path),
            hostname: hosts.hostname,
            address: hosts.address,
        };
    }
    let has_ports = resources.is_some_and(|resources| {
        let networks = resources.allocated_resources.iter().flat_map(|allocated| &allocated.networks);
        let mut ports =
            networks.flat_map(|network| network.reserved_ports.iter().chain(&network.dynamic_ports));
        !resources.ports.is_empty() || ports.next().is_some()
    });
    if has_ports { GroupNetwork::HostPorts } else { GroupNetwork::Unspecified }
}

#[cfg(test)]
mod tests;
