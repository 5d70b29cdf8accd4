//! The processes of a cgroup and of those beneath it.
//!
//! A task with cgroups of its own can nest them deeper than a stack, a path or the number of descriptors allows. So one
//! directory is open at a time, and the way back is its parent: a cgroup cannot be moved into another one.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::CgroupError;
use super::error::io;

/// More than the file of a cgroup that has every process of a host, in bytes.
const PROCS_MAX: u64 = 64 * 1024 * 1024;

/// The ids in ascending order. What vanishes meanwhile is left out, and so is a directory that does not exist.
pub(super) fn pids(directory: &Path) -> Result<Vec<u32>, CgroupError> {
    collect(directory).map_err(|errno| io("read", directory)(errno.into()))
}

fn collect(directory: &Path) -> Result<Vec<u32>, Errno> {
    let mut pids = Vec::new();
    let Some(mut here) = if_there(open(CWD, directory))? else { return Ok(pids) };
    // The cgroups that are still to be looked at, of each level on the way to `here`.
    let mut levels = vec![look(&here, &mut pids)?];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.pop() {
            if let Some(inner) = if_there(open(&here, Path::new(&name)))? {
                here = inner;
                levels.push(look(&here, &mut pids)?);
            }
            continue;
        }
        levels.pop();
        if !levels.is_empty() {
            here = open(&here, Path::new(".."))?;
        }
    }
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// Adds the processes of a cgroup and gives the names of those in it.
fn look(cgroup: &OwnedFd, pids: &mut Vec<u32>) -> Result<Vec<OsString>, Errno> {
    // A cgroup of threads has no processes to name; its parent names them.
    let text = match if_there(read(cgroup)) {
        Err(Errno::OPNOTSUPP) => String::new(),
        other => other?.unwrap_or_default(),
    };
    pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    let mut inner = Vec::new();
    for entry in Dir::read_from(cgroup)? {
        let Some(entry) = if_there(entry)? else { break };
        let name = entry.file_name().to_bytes();
        if entry.file_type() == FileType::Directory && name != b"." && name != b".." {
            inner.push(OsString::from_vec(name.to_vec()));
        }
    }
    Ok(inner)
}

fn read(cgroup: &OwnedFd) -> Result<String, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let procs = File::from(rustix::fs::openat(cgroup, "cgroup.procs", flags, Mode::empty())?);
    let mut text = String::new();
    let read = procs.take(PROCS_MAX).read_to_string(&mut text);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(text)
}

fn open(parent: impl AsFd, name: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Nothing where the cgroup was removed.
fn if_there<T>(outcome: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NOENT | Errno::NODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::AtFlags;

    use super::*;
    use crate::cgroup::testing::{Scratch, sleeper};
    use crate::cgroup::{Controller, join};

    #[test]
    fn cgroups_nested_deeper_than_a_stack_or_a_path_are_looked_at() {
        const DEPTH: usize = 4000;
        let scratch = Scratch::new();
        let top = scratch.cgroup().any_directory().unwrap();
        let mut here = open(CWD, &top).unwrap();
        for _ in 0..DEPTH {
            rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
            here = open(&here, Path::new("d")).unwrap();
        }
        let mut child = sleeper();
        let deepest = std::os::fd::AsRawFd::as_raw_fd(&here);
        join(Path::new(&format!("/proc/self/fd/{deepest}")), child.id()).unwrap();
        let stack = std::thread::Builder::new().stack_size(128 * 1024);
        let found = stack.spawn(move || pids(&top)).unwrap().join().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        for _ in 0..DEPTH {
            here = open(&here, Path::new("..")).unwrap();
            rustix::fs::unlinkat(&here, "d", AtFlags::REMOVEDIR).unwrap();
        }
        assert_eq!(found.unwrap(), [child.id()]);
    }

    #[test]
    fn the_way_back_is_found_from_a_cgroup_that_was_removed() {
        let scratch = Scratch::new();
        let top = scratch.cgroup().directory(Controller::Memory).unwrap();
        let inner = open(CWD, &top.join("inner")).unwrap();
        std::fs::remove_dir(top.join("inner")).unwrap();
        let mut pids = Vec::new();
        assert_eq!(look(&inner, &mut pids), Ok(Vec::new()));
        let parent = open(&inner, Path::new("..")).unwrap();
        let [parent, top] = [rustix::fs::fstat(parent).unwrap(), rustix::fs::stat(&top).unwrap()];
        assert_eq!((parent.st_dev, parent.st_ino), (top.st_dev, top.st_ino));
    }
}
