//! The nodes of a directory, found without recursion: a directory can be deeper than a stack.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{DeviceError, DeviceNode, io};

/// How far a directory is looked at.
pub(super) struct Bounds {
    /// Levels of directories beneath the first one. So many descriptors are open at once, and one more.
    pub(super) depth: usize,
    /// Device nodes.
    pub(super) nodes: usize,
    /// Entries of any kind.
    pub(super) entries: usize,
    /// Names in the first directory that are not looked at.
    pub(super) left_out: &'static [&'static str],
    pub(super) too_deep: TooDeep,
}

/// What becomes of a directory that is too deep.
pub(super) enum TooDeep {
    Fail,
    LeaveOut,
}

/// A directory that is being read.
struct Level {
    entries: Dir,
    /// From the first directory.
    relative: PathBuf,
}

/// The nodes beneath `root`, which is at `path`, in path order. No link is followed; what vanishes meanwhile is left
/// out.
pub(super) fn nodes_beneath(
    path: &Path,
    root: BorrowedFd<'_>,
    bounds: &Bounds,
) -> Result<Vec<DeviceNode>, DeviceError> {
    let failed = |relative: &Path| io(path.join(relative));
    let too_many = |what, limit| DeviceError::TooMany { path: path.to_owned(), what, limit };
    let (mut nodes, mut seen) = (Vec::new(), 0);
    let first = open(root, OsStr::new(".")).and_then(Dir::new).map_err(io(path))?;
    let mut levels = vec![Level { entries: first, relative: PathBuf::new() }];
    while let Some(depth) = levels.len().checked_sub(1)
        && let Some(level) = levels.last_mut()
    {
        let Some(entry) = level.entries.read() else {
            levels.pop();
            continue;
        };
        let entry = entry.map_err(failed(&level.relative))?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." || (depth == 0 && bounds.left_out.iter().any(|out| name == *out)) {
            continue;
        }
        seen += 1;
        if seen > bounds.entries {
            return Err(too_many("entries", bounds.entries));
        }
        let relative = level.relative.join(name);
        let directory = level.entries.fd().map_err(failed(&level.relative))?;
        let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            other => other.map_err(failed(&relative))?,
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            nodes.extend(DeviceNode::from_stat(relative, &stat));
            if nodes.len() > bounds.nodes {
                return Err(too_many("device nodes", bounds.nodes));
            }
            continue;
        }
        if depth == bounds.depth {
            match bounds.too_deep {
                TooDeep::Fail => {
                    return Err(DeviceError::TooDeep { path: path.to_owned(), limit: bounds.depth });
                }
                TooDeep::LeaveOut => continue,
            }
        }
        match open(directory, name).and_then(Dir::new) {
            Ok(entries) => levels.push(Level { entries, relative }),
            // Another object has the name by now.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(error) => return Err(failed(&relative)(error)),
        }
    }
    nodes.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(nodes)
}

fn open(directory: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty())
}
