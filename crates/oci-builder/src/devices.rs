//! Device nodes (`linux.devices` and `linux.resources.devices`).

use std::path::PathBuf;

use oci_spec::runtime::{LinuxDevice, LinuxDeviceCgroup, LinuxDeviceType};

use crate::{BuildError, check};

/// Type of a device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Character device.
    Char,
    /// Block device.
    Block,
    /// Named pipe; it has no numbers and no entry in the allow list.
    Fifo,
}

/// What a container may do with a device, as the cgroup device controller's `rwm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicePermissions {
    /// Open for reading.
    pub read: bool,
    /// Open for writing.
    pub write: bool,
    /// Create a node of it.
    pub mknod: bool,
}

/// A device node to make in the container, with the numbers of the host's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Absolute path in the container.
    pub path: PathBuf,
    /// Type of the host's node.
    pub kind: DeviceKind,
    /// Major number of the host's node.
    pub major: u32,
    /// Minor number of the host's node.
    pub minor: u32,
    /// Permission bits of the node (the low 12 bits of `st_mode`).
    pub mode: u32,
    /// Owner of the node.
    pub uid: u32,
    /// Group of the node.
    pub gid: u32,
    /// What the device controller allows.
    pub permissions: DevicePermissions,
}

/// What devices add to a spec.
pub(crate) struct SpecDevices {
    /// Nodes to make.
    pub(crate) nodes: Option<Vec<LinuxDevice>>,
    /// The allow list, the rules of every container first.
    pub(crate) allowed: Vec<LinuxDeviceCgroup>,
}

/// Adds the task's devices to the rules of every container.
pub(crate) fn devices(
    mut allowed: Vec<LinuxDeviceCgroup>,
    devices: Vec<Device>,
) -> Result<SpecDevices, BuildError> {
    let mut nodes: Vec<LinuxDevice> = Vec::with_capacity(devices.len());
    for device in devices {
        check::absolute_path("device path", &device.path)?;
        let node = device.node();
        match nodes.iter().find(|earlier| earlier.path() == node.path()) {
            Some(earlier) if *earlier != node => {
                return Err(BuildError::DeviceTwice { path: device.path });
            }
            Some(_) => {}
            None => nodes.push(node),
        }
        allowed.extend(device.rule());
    }
    Ok(SpecDevices { nodes: (!nodes.is_empty()).then_some(nodes), allowed })
}

impl Device {
    fn node(&self) -> LinuxDevice {
        let mut node = LinuxDevice::default();
        node.set_path(self.path.clone())
            .set_typ(self.kind.to_spec())
            .set_major(self.major.into())
            .set_minor(self.minor.into())
            .set_file_mode(Some(self.mode & 0o7777))
            .set_uid(Some(self.uid))
            .set_gid(Some(self.gid));
        node
    }

    fn rule(&self) -> Option<LinuxDeviceCgroup> {
        let access = self.permissions.letters();
        if self.kind == DeviceKind::Fifo || access.is_empty() {
            return None;
        }
        let mut rule = LinuxDeviceCgroup::default();
        rule.set_allow(true)
            .set_typ(Some(self.kind.to_spec()))
            .set_major(Some(self.major.into()))
            .set_minor(Some(self.minor.into()))
            .set_access(Some(access));
        Some(rule)
    }
}

impl DeviceKind {
    fn to_spec(self) -> LinuxDeviceType {
        match self {
            Self::Char => LinuxDeviceType::C,
            Self::Block => LinuxDeviceType::B,
            Self::Fifo => LinuxDeviceType::P,
        }
    }
}

impl DevicePermissions {
    /// Everything, the default of Nomad and Docker.
    pub const ALL: Self = Self { read: true, write: true, mknod: true };

    /// Reads letters of `r`, `w` and `m`, each at most once; no letter means all. Anything else is none.
    #[must_use]
    pub fn from_letters(letters: &str) -> Option<Self> {
        if letters.is_empty() {
            return Some(Self::ALL);
        }
        let mut permissions = Self { read: false, write: false, mknod: false };
        for letter in letters.chars() {
            let permission = match letter {
                'r' => &mut permissions.read,
                'w' => &mut permissions.write,
                'm' => &mut permissions.mknod,
                _ => return None,
            };
            if std::mem::replace(permission, true) {
                return None;
            }
        }
        Some(permissions)
    }

    /// The letters as the device controller takes them.
    #[must_use]
    pub fn letters(self) -> String {
        let Self { read, write, mknod } = self;
        [(read, 'r'), (write, 'w'), (mknod, 'm')]
            .into_iter()
            .filter_map(|(set, letter)| set.then_some(letter))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Device, DeviceKind, DevicePermissions};
    use crate::testing::{check, refused};

    fn fuse() -> Device {
        Device {
            path: "/dev/fuse".into(),
            kind: DeviceKind::Char,
            major: 10,
            minor: 229,
            mode: 0o20666,
            uid: 0,
            gid: 44,
            permissions: DevicePermissions { read: true, write: true, mknod: false },
        }
    }

    #[test]
    fn a_device_is_made_and_allowed() {
        check(
            |plan| plan.devices = vec![fuse()],
            expect![[r#"
                + linux.devices: [{"fileMode":438,"gid":44,"major":10,"minor":229,"path":"/dev/fuse","type":"c","uid":0}]
                + linux.resources.devices.12: {"access":"rw","allow":true,"major":10,"minor":229,"type":"c"}
            "#]],
        );
    }

    #[test]
    fn a_device_without_permissions_is_made_but_not_allowed() {
        let permissions = DevicePermissions { read: false, write: false, mknod: false };
        check(
            |plan| plan.devices = vec![Device { permissions, ..fuse() }],
            expect![[r#"
                + linux.devices: [{"fileMode":438,"gid":44,"major":10,"minor":229,"path":"/dev/fuse","type":"c","uid":0}]
            "#]],
        );
    }

    #[test]
    fn the_same_device_twice_is_one_node() {
        check(
            |plan| {
                let permissions = DevicePermissions::ALL;
                plan.devices = vec![fuse(), Device { permissions, ..fuse() }];
            },
            expect![[r#"
                + linux.devices: [{"fileMode":438,"gid":44,"major":10,"minor":229,"path":"/dev/fuse","type":"c","uid":0}]
                + linux.resources.devices.12: {"access":"rw","allow":true,"major":10,"minor":229,"type":"c"}
                + linux.resources.devices.13: {"access":"rwm","allow":true,"major":10,"minor":229,"type":"c"}
            "#]],
        );
    }

    #[test]
    fn two_devices_with_one_path_are_refused() {
        refused(
            |plan| plan.devices = vec![fuse(), Device { minor: 1, ..fuse() }],
            expect![[r#"two different devices have the path "/dev/fuse""#]],
        );
    }
}
