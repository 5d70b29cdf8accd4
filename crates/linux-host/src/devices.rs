//! Device nodes of the host, as numbers.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

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
/// [`DeviceError`].
pub fn inspect(path: &Path) -> Result<Vec<DeviceNode>, DeviceError> {
    let stat = rustix::fs::stat(path).map_err(io(path))?;
    let mut nodes = Vec::new();
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        let root = rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty()).map_err(io(path))?;
        collect(root.as_fd(), path, Path::new(""), &mut nodes)?;
        nodes.sort_by(|a, b| a.relative.cmp(&b.relative));
    } else {
        nodes.extend(DeviceNode::from_stat(PathBuf::new(), &stat));
    }
    if nodes.is_empty() {
        return Err(DeviceError::NotDevice { path: path.to_owned() });
    }
    Ok(nodes)
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Adds the nodes beneath `directory`; what vanishes while it is read is left out.
fn collect(
    directory: BorrowedFd<'_>,
    root: &Path,
    relative: &Path,
    nodes: &mut Vec<DeviceNode>,
) -> Result<(), DeviceError> {
    for entry in Dir::read_from(directory).map_err(io(&root.join(relative)))? {
        let entry = entry.map_err(io(&root.join(relative)))?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let relative = relative.join(name);
        let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            other => other.map_err(io(&root.join(&relative)))?,
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let inner = rustix::fs::openat(directory, name, DIRECTORY, Mode::empty())
                .map_err(io(&root.join(&relative)))?;
            collect(inner.as_fd(), root, &relative, nodes)?;
        } else {
            nodes.extend(DeviceNode::from_stat(relative, &stat));
        }
    }
    Ok(())
}

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

fn io(path: &Path) -> impl FnOnce(Errno) -> DeviceError {
    let path = path.to_owned();
    move |source| DeviceError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::require_root;

    fn node(path: &Path, minor: u32) {
        let numbers = rustix::fs::makedev(1, minor);
        rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o640), numbers)
            .unwrap();
    }

    #[test]
    fn the_null_device_has_its_well_known_numbers() {
        let nodes = inspect(Path::new("/dev/null")).unwrap();
        let [null] = nodes.as_slice() else { panic!("one node, not {nodes:?}") };
        assert_eq!((null.kind, null.major, null.minor, null.mode), (NodeKind::Char, 1, 3, 0o666));
        assert_eq!(null.relative, Path::new(""));
    }

    #[test]
    fn a_directory_gives_every_node_beneath_it_and_follows_no_link() {
        require_root();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("by-id")).unwrap();
        node(&dir.path().join("b"), 5);
        node(&dir.path().join("by-id/a"), 3);
        std::fs::write(dir.path().join("file"), "").unwrap();
        symlink("/dev/zero", dir.path().join("link")).unwrap();
        symlink("/dev", dir.path().join("more")).unwrap();
        let nodes = inspect(dir.path()).unwrap();
        let found: Vec<_> = nodes.iter().map(|n| (n.relative.to_str().unwrap(), n.minor)).collect();
        assert_eq!(found, [("b", 5), ("by-id/a", 3)]);
    }

    #[test]
    fn a_link_to_a_node_is_the_node() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/dev/zero", dir.path().join("link")).unwrap();
        assert_eq!(inspect(&dir.path().join("link")).unwrap()[0].minor, 5);
    }

    #[test]
    fn what_is_no_device_is_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        for path in [dir.path().to_owned(), dir.path().join("file")] {
            assert!(matches!(inspect(&path), Err(DeviceError::NotDevice { .. })), "{path:?}");
        }
        let missing = inspect(&dir.path().join("none"));
        assert!(matches!(missing, Err(DeviceError::Io { source: Errno::NOENT, .. })));
    }
}
