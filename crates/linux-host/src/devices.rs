//! Device nodes of the host, as numbers.

use std::path::{Path, PathBuf};

/// Type of a device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Character device.
    Char,
    /// Block device.
    Block,
}

/// A device node of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceNode {
    /// Path relative to the one that was asked for; empty when that one is the node.
    pub relative: PathBuf,
    /// Type.
    pub kind: NodeKind,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits (the low 12 bits of `st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Why a device can not be given to a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// It is neither a device node nor a directory with one.
    #[error("{path:?} is not a device")]
    NotDevice {
        /// The path as given.
        path: PathBuf,
    },
    /// It can not be looked at.
    #[error("can not look at the device {path:?}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: rustix::io::Errno,
    },
}

/// The node at `path`, or every node beneath it when it is a directory, in path order.
///
/// A link as the last component is followed (`/dev/disk/by-id/…` are links); links inside a directory are not.
///
/// # Errors
/// [`DeviceError`].
pub fn inspect(path: &Path) -> Result<Vec<DeviceNode>, DeviceError> {
    let _ = path;
    todo!()
}
