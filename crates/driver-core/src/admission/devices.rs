//! Device nodes of a task: those that the job names, those of device plugins, and all of the host's for a privileged one.

use std::path::{Path, PathBuf};

use linux_host::devices::{self, DeviceNode, NodeKind};
use oci_builder::{Device, DeviceKind, DevicePermissions, DeviceRequest};

use crate::error::DriverError;
use crate::request::task::HostDevice;

/// Every device node of the host, for a privileged task: what it may do with them is not restricted anyway.
pub(super) fn host_devices() -> Result<Vec<Device>, DriverError> {
    let dev = Path::new("/dev");
    let nodes = devices::of_host().map_err(|error| {
        DriverError::host("the host's devices, for a privileged task, cannot be read")(error.into())
    })?;
    let none = DevicePermissions { read: false, write: false, mknod: false };
    Ok(nodes.into_iter().map(|node| device(dev.join(&node.relative), &node, none)).collect())
}

/// The nodes of an element of `devices`.
pub(super) fn job_device(wanted: &DeviceRequest) -> Result<Vec<Device>, DriverError> {
    let DeviceRequest { host_path, task_path, permissions } = wanted;
    let accepted = "a device node that is on the host, or a directory of such";
    let nodes = devices::inspect(host_path)
        .map_err(|error| DriverError::unusable("devices", host_path, accepted)(error.into()))?;
    Ok(nodes.iter().map(|node| device(place(task_path, node), node, *permissions)).collect())
}

/// Where a node goes: at the path itself, or beneath it when a whole directory is given.
fn place(task_path: &Path, node: &DeviceNode) -> PathBuf {
    if node.relative.as_os_str().is_empty() { task_path.to_owned() } else { task_path.join(&node.relative) }
}

pub(super) fn device_nodes(wanted: &HostDevice) -> Result<Vec<Device>, DriverError> {
    let nodes = devices::inspect(&wanted.host_path)
        .map_err(|error| DriverError::host("a device of the task can not be used")(error.into()))?;
    let has = |letter| wanted.permissions.is_empty() || wanted.permissions.contains(letter);
    let permissions = DevicePermissions { read: has('r'), write: has('w'), mknod: has('m') };
    Ok(nodes.iter().map(|node| device(place(&wanted.task_path, node), node, permissions)).collect())
}

pub(super) fn device(path: PathBuf, node: &DeviceNode, permissions: DevicePermissions) -> Device {
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
