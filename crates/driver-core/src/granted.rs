//! What a task gets of the host, looked at before anything is made: devices now, checked and held until they are
//! handed on.

use linux_host::devices::{self, DeviceNode, NodeKind};
use oci_builder::{Device, DeviceKind, DevicePermissions, Privilege};

use crate::context::Context;
use crate::error::DriverError;
use crate::plan;
use crate::policy::{self, Grant, Refusal, Rules};
use crate::spec::{HostDevice, TaskSpec};

/// A task's grant and what it needs of the host.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) grant: Grant,
    pub(crate) devices: Vec<Device>,
}

impl Granted {
    /// Holds the task against the operator's rules and the host, and tries a spec with all that the job decides, so
    /// that what no container can have is refused before there is one. Blocking.
    pub(crate) fn of(context: &Context, spec: &TaskSpec) -> Result<Self, DriverError> {
        let grant = policy::check(spec, Rules { config: &context.config, host: context.host })?;
        let mut nodes = match grant.privilege {
            Privilege::Confined => Vec::new(),
            Privilege::Privileged => host_devices()?,
        };
        for device in &spec.devices {
            nodes.extend(device_nodes(device)?);
        }
        let granted = Self { grant, devices: nodes };
        let draft = plan::draft(spec, &granted)?;
        oci_builder::build(draft).map_err(Refusal::from)?;
        Ok(granted)
    }
}

/// Device nodes that belong to a container's own mounts, or that the runtime makes itself; docker and containerd
/// leave them out, too.
const NOT_OF_HOST: [&str; 9] =
    ["pts", "shm", "mqueue", "fd", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"];

/// Every device node of the host, for a privileged task: what it may do with them is not restricted anyway.
fn host_devices() -> Result<Vec<Device>, DriverError> {
    let dev = std::path::Path::new("/dev");
    let nodes = devices::inspect(dev).map_err(|error| {
        DriverError::host("the host's devices, for a privileged task, can not be read")(error.into())
    })?;
    let none = DevicePermissions { read: false, write: false, mknod: false };
    let is_of_host = |node: &DeviceNode| {
        node.relative
            .components()
            .next()
            .is_some_and(|first| !NOT_OF_HOST.iter().any(|name| first.as_os_str() == *name))
    };
    Ok(nodes
        .into_iter()
        .filter(is_of_host)
        .map(|node| device(dev.join(&node.relative), &node, none))
        .collect())
}

fn device_nodes(wanted: &HostDevice) -> Result<Vec<Device>, DriverError> {
    let nodes = devices::inspect(&wanted.host_path)
        .map_err(|error| DriverError::host("a device of the task can not be used")(error.into()))?;
    let has = |letter| wanted.permissions.is_empty() || wanted.permissions.contains(letter);
    let permissions = DevicePermissions { read: has('r'), write: has('w'), mknod: has('m') };
    let place = |node: &DeviceNode| {
        if node.relative.as_os_str().is_empty() {
            wanted.task_path.clone()
        } else {
            wanted.task_path.join(&node.relative)
        }
    };
    Ok(nodes.iter().map(|node| device(place(node), node, permissions)).collect())
}

fn device(path: std::path::PathBuf, node: &DeviceNode, permissions: DevicePermissions) -> Device {
    Device {
        path,
        kind: match node.kind {
            NodeKind::Char => DeviceKind::Char,
            NodeKind::Block => DeviceKind::Block,
        },
        major: node.major,
        minor: node.minor,
        mode: node.mode,
        uid: node.uid,
        gid: node.gid,
        permissions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privileged_task_sees_the_hosts_devices_but_no_terminal_of_the_host() {
        let paths: Vec<_> = host_devices().unwrap().into_iter().map(|device| device.path).collect();
        assert!(paths.contains(&"/dev/null".into()));
        for left_out in ["/dev/pts", "/dev/ptmx", "/dev/console", "/dev/shm", "/dev/mqueue"] {
            assert!(!paths.iter().any(|path| path.starts_with(left_out)), "{left_out}");
        }
    }
}
