//! Device nodes (`linux.devices` and `linux.resources.devices`).

use std::path::PathBuf;

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
