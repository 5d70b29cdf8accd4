//! Devices of the Container Device Interface: from what their specifications say to what goes into the plan.

use std::path::{Path, PathBuf};

use linux_host::cdi::{Catalogue, DeviceNode, Edits, HookName, Name, NodeType, Variable};
use linux_host::devices::{self, DeviceError};
use oci_builder::{
    Access, Device, DeviceKind, DevicePermissions, DockerMount, Hook, HookPoint, JobMount, JobMountError,
    JobMountKind, Mount, MountKind, MountShape,
};

use crate::error::DriverError;

/// What devices bring beside their nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extras {
    /// Over the task's own variables.
    pub(crate) env: Vec<(String, String)>,
    /// Over the task's own mounts.
    pub(crate) mounts: Vec<Mount>,
    pub(crate) hooks: Vec<Hook>,
    /// Further groups of the process.
    pub(crate) gids: Vec<u32>,
}

/// All that devices bring.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CdiEdits {
    pub(crate) devices: Vec<Device>,
    pub(crate) extras: Extras,
}

/// An edit of a specification that can not be made.
#[derive(Debug, thiserror::Error)]
enum EditError {
    /// The type says another thing than the host's node is.
    #[error("its node {path:?} is of another type on this host")]
    Type { path: PathBuf },
    /// The path on the host is a directory.
    #[error("its node {path:?} is no device node on this host")]
    NotNode { path: PathBuf },
    /// The permissions are not letters of the device controller.
    #[error("its node {path:?} has the permissions {value:?} (accepted: letters of r, w and m, or none)")]
    Permissions { path: PathBuf, value: String },
    /// The source of a mount is not there.
    #[error("its mount's source {path:?} can not be used")]
    Source { path: PathBuf, source: std::io::Error },
    /// The host's node can not be looked at.
    #[error(transparent)]
    Node(#[from] DeviceError),
    /// The mount is none that there is.
    #[error(transparent)]
    Mount(#[from] JobMountError),
}

const ACCEPTED: &str = "a device whose specification has nodes and mounts that are on the host";

impl CdiEdits {
    /// What the named devices need, from the specifications in the directories. Blocking.
    pub(crate) fn find(directories: &[&Path], names: &[&Name]) -> Result<Self, DriverError> {
        let mut all = Self::default();
        if names.is_empty() {
            return Ok(all);
        }
        let catalogue = Catalogue::read(directories);
        let mut used = Vec::new();
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                continue;
            }
            let shown = name.to_string();
            let edits = catalogue
                .edits(name, &mut used)
                .map_err(|error| DriverError::NoDevice { name: shown.clone(), source: error.into() })?;
            let unusable = DriverError::unusable("devices", shown, ACCEPTED);
            all.add(edits).map_err(|error| unusable(error.into()))?;
        }
        Ok(all)
    }

    fn add(&mut self, edits: Edits) -> Result<(), EditError> {
        let Self { devices, extras } = self;
        for node in &edits.device_nodes {
            devices.push(device(node)?);
        }
        for mount in edits.mounts {
            extras.mounts.push(of_host(mount)?);
        }
        extras.env.extend(edits.env.into_iter().map(pair));
        extras.hooks.extend(edits.hooks.into_iter().map(hook));
        extras.gids.extend(edits.additional_gids.into_iter().filter(|gid| *gid != 0));
        Ok(())
    }
}

fn pair(Variable { name, value }: Variable) -> (String, String) {
    (name, value)
}

/// With its numbers where the specification has them, else with those of the host's node.
fn device(node: &DeviceNode) -> Result<Device, EditError> {
    let path = node.path.clone();
    let permissions = match node.permissions.as_str() {
        "none" => Some(DevicePermissions { read: false, write: false, mknod: false }),
        letters => DevicePermissions::from_letters(letters),
    };
    let permissions = permissions
        .ok_or_else(|| EditError::Permissions { path: path.clone(), value: node.permissions.clone() })?;
    let wanted = node.kind.map(|kind| match kind {
        NodeType::Block => DeviceKind::Block,
        NodeType::Char => DeviceKind::Char,
        NodeType::Fifo => DeviceKind::Fifo,
    });
    let mut device = match wanted {
        Some(kind) if kind == DeviceKind::Fifo || node.major != 0 => {
            let (major, minor) = (node.major, node.minor);
            Device { path, kind, major, minor, mode: 0o666, uid: 0, gid: 0, permissions }
        }
        _ => of_node(node, permissions)?,
    };
    if wanted.is_some_and(|kind| kind != device.kind) {
        return Err(EditError::Type { path: device.path });
    }
    if node.major != 0 {
        (device.major, device.minor) = (node.major, node.minor);
    }
    device.mode = node.file_mode.map_or(device.mode, |mode| mode & 0o7777);
    (device.uid, device.gid) = (node.uid.unwrap_or(device.uid), node.gid.unwrap_or(device.gid));
    Ok(device)
}

fn of_node(wanted: &DeviceNode, permissions: DevicePermissions) -> Result<Device, EditError> {
    let host_path = wanted.host_path.as_ref().filter(|path| !path.as_os_str().is_empty());
    let host_path = host_path.unwrap_or(&wanted.path);
    let nodes = devices::inspect(host_path)?;
    let [node] = nodes.as_slice() else { return Err(EditError::NotNode { path: host_path.clone() }) };
    if !node.relative.as_os_str().is_empty() {
        return Err(EditError::NotNode { path: host_path.clone() });
    }
    Ok(super::devices::device(wanted.path.clone(), node, permissions))
}

/// A bind unless it says otherwise; its type says nothing then.
fn of_host(mount: linux_host::cdi::Mount) -> Result<Mount, EditError> {
    let linux_host::cdi::Mount { host_path, container_path, options, kind } = mount;
    let binds = kind == "none" || options.iter().any(|option| option == "bind" || option == "rbind");
    let docker = DockerMount {
        access: Access::ReadWrite,
        propagation: String::new(),
        tmpfs_size_bytes: 0,
        tmpfs_mode: 0,
    };
    let mount = JobMount {
        kind: if binds { JobMountKind::Bind } else { JobMountKind::from_option(&kind)? },
        source: host_path,
        target: container_path,
        options,
        shape: MountShape::Docker(docker),
    };
    let mount = mount.into_mount()?;
    if let MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } = &mount.kind {
        std::fs::metadata(source)
            .map_err(|error| EditError::Source { path: source.clone(), source: error })?;
    }
    Ok(mount)
}

fn hook(hook: linux_host::cdi::Hook) -> Hook {
    let linux_host::cdi::Hook { hook_name, path, args, env, timeout } = hook;
    let point = match hook_name {
        HookName::Prestart => HookPoint::Prestart,
        HookName::CreateRuntime => HookPoint::CreateRuntime,
        HookName::CreateContainer => HookPoint::CreateContainer,
        HookName::StartContainer => HookPoint::StartContainer,
        HookName::Poststart => HookPoint::Poststart,
        HookName::Poststop => HookPoint::Poststop,
    };
    Hook { point, path, args, env: env.into_iter().map(pair).collect(), timeout_seconds: timeout }
}

#[cfg(test)]
mod tests;
