//! Device nodes of the host, as numbers.

mod walk;

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::staged;
use walk::{Bounds, TooDeep};

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

/// Why a device cannot be given to a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// It is neither a device node nor a directory with one.
    #[error("{path:?} is not a device")]
    NotDevice {
        /// The path as given.
        path: PathBuf,
    },
    /// A directory in it is too deep.
    #[error(
        "{path:?} has directories more than {limit} levels deep; name the directory that has the devices"
    )]
    TooDeep {
        /// The path as given.
        path: PathBuf,
        /// How many levels are looked at.
        limit: usize,
    },
    /// It has too many entries or nodes.
    #[error("{path:?} has more than {limit} {what}; name a directory with fewer, or the devices themselves")]
    TooMany {
        /// The path as given.
        path: PathBuf,
        /// `entries` or `device nodes`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// It cannot be looked at.
    #[error("cannot look at the device {path:?}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
}

/// The node at `path`, or every node beneath it when it is a directory, in path order.
///
/// A link as the last component is followed (`/dev/disk/by-id/…` are links); links inside a directory are not.
///
/// # Errors
/// [`DeviceError`], also for a directory that is deeper or larger than any directory of devices.
pub fn inspect(path: &Path) -> Result<Vec<DeviceNode>, DeviceError> {
    let object = staged::object_at(path).map_err(|error| io(path)(errno(&error)))?;
    let stat = rustix::fs::fstat(&object).map_err(io(path))?;
    let nodes = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => walk::nodes_beneath(path, object.as_fd(), &OF_JOB)?,
        _ => DeviceNode::from_stat(PathBuf::new(), &stat).into_iter().collect(),
    };
    if nodes.is_empty() {
        return Err(DeviceError::NotDevice { path: path.to_owned() });
    }
    Ok(nodes)
}

/// Every device node of the host in path order, for a privileged task. `relative` is beneath `/dev`.
///
/// # Errors
/// [`DeviceError`].
pub fn of_host() -> Result<Vec<DeviceNode>, DeviceError> {
    let path = Path::new("/dev");
    let object = staged::object_at(path).map_err(|error| io(path)(errno(&error)))?;
    walk::nodes_beneath(path, object.as_fd(), &OF_HOST)
}

/// A directory that a job names. `/dev/bus/usb/001` is the deepest one with nodes on a common host.
const OF_JOB: Bounds =
    Bounds { depth: 8, nodes: 4096, entries: 65_536, left_out: &[], too_deep: TooDeep::Fail };

/// The whole of `/dev`, which the host's administrator fills. Docker and containerd leave out the same names: a container
/// has mounts of its own there, or the runtime makes the node. Some other file systems beneath `/dev` can be written by
/// users: a directory that is too deep must not keep privileged tasks from starting.
const OF_HOST: Bounds = Bounds {
    depth: 8,
    nodes: 65_536,
    entries: 1_048_576,
    left_out: &["pts", "shm", "mqueue", "fd", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"],
    too_deep: TooDeep::LeaveOut,
};

impl DeviceNode {
    fn from_stat(relative: PathBuf, stat: &Stat) -> Option<Self> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice => NodeKind::Char,
            FileType::BlockDevice => NodeKind::Block,
            _ => return None,
        };
        Some(Self {
            relative,
            kind,
            major: rustix::fs::major(stat.st_rdev),
            minor: rustix::fs::minor(stat.st_rdev),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
        })
    }
}

/// The kernel's number in an error that came from it.
fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn io(path: impl Into<PathBuf>) -> impl FnOnce(Errno) -> DeviceError {
    let path = path.into();
    move |source| DeviceError::Io { path, source }
}

#[cfg(test)]
mod tests;
