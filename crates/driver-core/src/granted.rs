//! What a task gets of the host, looked at before anything is made: devices, a seccomp profile, and the objects
//! behind mounts, which are held from the check until they are handed on.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use linux_host::beneath;
use linux_host::cdi;
use linux_host::devices::{self, DeviceNode, NodeKind};
use linux_host::staged;
use oci_builder::{
    Device, DeviceKind, DevicePermissions, DeviceRequest, Mount, MountKind, Privilege, Seccomp,
};

use crate::cdi::{CdiEdits, Extras};
use crate::context::Context;
use crate::error::DriverError;
use crate::host;
use crate::plan;
use crate::policy::{self, DeviceGrant, Grant, MountGrant, Refusal, Rules, Source};
use crate::profile;
use crate::spec::{HostDevice, TaskSpec};

const OF_HOST: &str = "a file or directory that is on the host";
const OF_ALLOCATION: &str =
    "what is in local/, secrets/ or ../alloc/ when the task starts, with no symbolic link on the way";

/// A task's grant and what it needs of the host.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) grant: Grant,
    pub(crate) devices: Vec<Device>,
    /// What comes with devices of the Container Device Interface.
    pub(crate) extras: Extras,
    pub(crate) seccomp: Seccomp,
    pub(crate) mounts: Vec<GrantedMount>,
}

/// A mount and what its source was found to be.
#[derive(Debug)]
pub(crate) struct GrantedMount {
    pub(crate) mount: Mount,
    /// What a bind is made of, whose name could mean something else by the time the runtime reads it.
    pub(crate) object: Option<OwnedFd>,
}

impl GrantedMount {
    /// Opens the source.
    pub(crate) fn of(grant: &MountGrant) -> Result<Self, DriverError> {
        let mount = grant.mount.clone();
        let unusable = |path: PathBuf, accepted| DriverError::unusable("mounts.source", path, accepted);
        let object = match &grant.source {
            Source::Own => None,
            Source::Host(path) => {
                let opened = staged::object_at(path);
                Some(opened.map_err(|error| unusable(path.clone(), OF_HOST)(error.into()))?)
            }
            Source::Allocation { root, rest } => {
                let opened = beneath::open_root(root).and_then(|root| {
                    if rest.as_os_str().is_empty() { Ok(root) } else { beneath::resolve(root.as_fd(), rest) }
                });
                Some(opened.map_err(|error| unusable(written(&mount), OF_ALLOCATION)(error.into()))?)
            }
        };
        Ok(Self { mount, object })
    }

    /// The mount with this path as its source.
    pub(crate) fn with_source(&self, path: PathBuf) -> Mount {
        let mut mount = self.mount.clone();
        match &mut mount.kind {
            MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } => *source = path,
            MountKind::Filesystem { .. } => {}
        }
        mount
    }
}

fn explain(mounts: &[GrantedMount], cause: DriverError) -> DriverError {
    let is_gone = |mount: &&GrantedMount| {
        mount.object.as_ref().is_some_and(|object| staged::is_unlinked(object.as_fd()))
    };
    match mounts.iter().find(is_gone) {
        Some(gone) if !cause.is_recoverable() => {
            DriverError::SourceGone { path: written(&gone.mount), cause: Box::new(cause) }
        }
        _ => cause,
    }
}

/// The source as the job wrote it.
fn written(mount: &Mount) -> PathBuf {
    match &mount.kind {
        MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } => source.clone(),
        MountKind::Filesystem { .. } => PathBuf::new(),
    }
}

impl Granted {
    /// The failure of a start, as what it comes from where a source has gone since it was checked.
    pub(crate) fn explain(&self, cause: DriverError) -> DriverError {
        explain(&self.mounts, cause)
    }

    /// Holds the task against the operator's rules and the host, and tries a spec with all that the job decides, so
    /// that what no container can have is refused before there is one. Blocking.
    pub(crate) fn of(context: &Context, spec: &TaskSpec) -> Result<Self, DriverError> {
        let grant = policy::check(
            spec,
            Rules { config: &context.config, host: context.host, allow_caps: context.allow_caps },
        )?;
        policy::check_available(spec, &host::available(&context.cgroups)?)?;
        let mut nodes = match grant.privilege {
            Privilege::Confined => Vec::new(),
            Privilege::Privileged => host_devices()?,
        };
        let mut names = Vec::new();
        for device in &grant.devices {
            match device {
                DeviceGrant::Node(request) => nodes.extend(job_device(request)?),
                DeviceGrant::Cdi(name) => names.push(name),
            }
        }
        let CdiEdits { devices, extras } = CdiEdits::find(&cdi::DIRECTORIES.map(Path::new), &names)?;
        // A specification has the last word on its nodes, also where a privileged task has all of the host's.
        nodes.retain(|node| !devices.iter().any(|device| device.path == node.path));
        nodes.extend(devices);
        for device in &spec.devices {
            nodes.extend(device_nodes(device)?);
        }
        let seccomp = profile::filter(&grant.filter, context.host)?;
        let mounts = grant.mounts.iter().map(GrantedMount::of).collect::<Result<_, _>>()?;
        let granted = Self { grant, devices: nodes, extras, seccomp, mounts };
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
    let dev = Path::new("/dev");
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

/// The nodes of an element of `devices`.
fn job_device(wanted: &DeviceRequest) -> Result<Vec<Device>, DriverError> {
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

fn device_nodes(wanted: &HostDevice) -> Result<Vec<Device>, DriverError> {
    let nodes = devices::inspect(&wanted.host_path)
        .map_err(|error| DriverError::host("a device of the task can not be used")(error.into()))?;
    let has = |letter| wanted.permissions.is_empty() || wanted.permissions.contains(letter);
    let permissions = DevicePermissions { read: has('r'), write: has('w'), mknod: has('m') };
    Ok(nodes.iter().map(|node| device(place(&wanted.task_path, node), node, permissions)).collect())
}

pub(crate) fn device(path: PathBuf, node: &DeviceNode, permissions: DevicePermissions) -> Device {
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
    use oci_builder::{Access, Propagation};

    use super::*;

    #[test]
    fn a_start_that_failed_for_a_source_that_was_replaced_may_be_tried_again() {
        let base = tempfile::tempdir().unwrap();
        let source = base.path().join("resolv.conf");
        std::fs::write(&source, "before").unwrap();
        let kind = MountKind::Bind { source: source.clone(), propagation: Propagation::Private };
        let (destination, access, options) = ("/x".into(), Access::ReadOnly, Vec::new());
        let mount = Mount { destination, kind, access, options };
        let grant = MountGrant { mount, source: Source::Host(source.clone()) };
        let mounts = vec![GrantedMount::of(&grant).unwrap()];
        let failed = || DriverError::host("the source of a mount can not be handed on")("gone".into());
        assert!(!explain(&mounts, failed()).is_recoverable());
        std::fs::write(base.path().join("new"), "after").unwrap();
        std::fs::rename(base.path().join("new"), &source).unwrap();
        let explained = explain(&mounts, failed());
        assert!(explained.is_recoverable());
        assert!(explained.to_string().starts_with("mounts.source = "), "{explained}");
    }

    #[test]
    fn a_privileged_task_sees_the_hosts_devices_but_no_terminal_of_the_host() {
        let paths: Vec<_> = host_devices().unwrap().into_iter().map(|device| device.path).collect();
        assert!(paths.contains(&"/dev/null".into()));
        for left_out in ["/dev/pts", "/dev/ptmx", "/dev/console", "/dev/shm", "/dev/mqueue"] {
            assert!(!paths.iter().any(|path| path.starts_with(left_out)), "{left_out}");
        }
    }
}
