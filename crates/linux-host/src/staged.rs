//! Checked objects as mounts: what a descriptor holds is mounted in a directory of the driver's own, so that a
//! runtime gets the object that was checked and never a path that a task can change.
//!
//! A mount is no open file: it is there until [`unstage`] removes it, also after this process has ended.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind,
    mount_bind_recursive, mount_change, move_mount, open_tree, unmount,
};

use crate::newer::NewerCall;

/// How later mounts spread between the object's place on the host and the staged mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Neither way.
    Private,
    /// From the host to the staged mount.
    FromHost,
    /// Both ways, if the object lies on a shared mount.
    Both,
}

/// How much of a tree of mounts is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The object and all mounts beneath it.
    Tree,
    /// The object alone; where others are mounted beneath it, what they cover is seen.
    Object,
}

/// A mount was not made or not removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} the staged mount {path:?}")]
pub struct StageError {
    /// What was attempted.
    pub operation: &'static str,
    /// Where the mount is or was to be.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: Errno,
}

/// Opens what a path of the host leads to, as an `O_PATH` descriptor: links are followed, automounts made, and
/// nothing is read or waited for, whatever it is.
///
/// # Errors
/// What the kernel says of the path.
pub fn object_at(path: &Path) -> std::io::Result<OwnedFd> {
    // open(2) with O_PATH would give the directory beneath an automount that nobody has used yet.
    let opened = OPEN_TREE.run(|| open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLOEXEC));
    Ok(opened.unwrap_or_else(|| open_path(path))?)
}

/// open_tree(2) and move_mount(2) are there since 5.2.
static OPEN_TREE: NewerCall = NewerCall::new();

/// The same for kernels without it: a step through a directory makes its automount.
fn open_path(path: &Path) -> Result<OwnedFd, Errno> {
    let open = |path: &Path| rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    // An empty path is none, and would become the working directory.
    if path.as_os_str().is_empty() {
        return Err(Errno::NOENT);
    }
    open(&path.join(".")).or_else(|_| open(path))
}

/// Whether nothing leads to the object any more: it was removed, or another one has its name. What cannot be told is
/// not said.
pub fn is_unlinked(object: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(object).is_ok_and(|found| found.st_nlink == 0)
}

/// The device and inode of an object, by which it is the same under every name.
///
/// # Errors
/// What the kernel says of the descriptor.
pub fn identity(object: BorrowedFd<'_>) -> std::io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(object)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// The path of an object in this process's mount namespace, free of links.
///
/// # Errors
/// What the kernel says of the descriptor.
pub fn path_of(object: BorrowedFd<'_>) -> std::io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", object.as_raw_fd()))
}

/// Mounts the object (a file, directory, FIFO, socket or device) as `name` in `directory` and returns the mount's
/// path. `directory` must be one that no task can write.
///
/// # Errors
/// [`StageError`], also when `name` exists; nothing is left behind then.
pub fn stage(
    object: BorrowedFd<'_>,
    directory: &Path,
    name: &str,
    (spread, reach): (Spread, Reach),
) -> Result<PathBuf, StageError> {
    let place = Place::open(directory, name)?;
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let all = match reach {
        Reach::Tree => OpenTreeFlags::AT_RECURSIVE,
        Reach::Object => OpenTreeFlags::empty(),
    };
    let copied = OPEN_TREE.run(|| open_tree(object, "", flags | all));
    let tree = copied.transpose().map_err(place.fail("copy the object for"))?;
    let target = place.make_target(object)?;
    let mounted = match tree {
        Some(tree) => hang(&place, &tree, &target),
        None => bind(&place, object, &target, reach),
    };
    if let Err(error) = mounted.and_then(|()| set_spread(&place, spread)) {
        unstage(directory, name)?;
        return Err(error);
    }
    Ok(place.path)
}

/// Mounts an empty memory file system of so many bytes as `name` in `directory` and returns its path. What a task
/// writes to a file in it counts toward the task's own memory, and ends at the size. [`unstage`] removes it.
///
/// # Errors
/// [`StageError`], also when `name` exists; nothing is left behind then.
pub fn scratch(directory: &Path, name: &str, bytes: u64) -> Result<PathBuf, StageError> {
    let place = Place::open(directory, name)?;
    rustix::fs::mkdirat(&place.directory, name, Mode::RWXU).map_err(place.fail("make the place of"))?;
    let options = std::ffi::CString::new(format!("size={bytes},nr_inodes={SCRATCH_FILES},mode=0755"))
        .map_err(|_| place.fail("describe")(Errno::INVAL))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let mounted = mount("tmpfs", &place.path, "tmpfs", flags, options.as_c_str()).map_err(place.fail("hang"));
    if let Err(error) = mounted.and_then(|()| set_spread(&place, Spread::Private)) {
        unstage(directory, name)?;
        return Err(error);
    }
    Ok(place.path)
}

/// How many files and directories a memory file system has at most.
const SCRATCH_FILES: u32 = 16;

/// Unmounts and removes what [`stage`] made; what is not there is success.
///
/// A mount that is in use goes away when its last user does: a container has its own copy and loses nothing.
///
/// # Errors
/// [`StageError`].
pub fn unstage(directory: &Path, name: &str) -> Result<(), StageError> {
    let place = match Place::open(directory, name) {
        Err(StageError { source: Errno::NOENT, .. }) => return Ok(()),
        other => other?,
    };
    // To unmount a tree that still spreads would unmount the mounts beneath the object on the host, too.
    match mount_change(&place.path, MountPropagationFlags::PRIVATE | MountPropagationFlags::REC) {
        Ok(()) => unmount(&place.path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)
            .map_err(place.fail("unmount"))?,
        // Nothing is mounted there.
        Err(Errno::INVAL) => {}
        Err(Errno::NOENT) => return Ok(()),
        Err(source) => return Err(place.fail("cut off")(source)),
    }
    let remove = |flags| rustix::fs::unlinkat(&place.directory, name, flags);
    match remove(AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => remove(AtFlags::REMOVEDIR).map_err(place.fail("remove")),
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(source) => Err(place.fail("remove")(source)),
    }
}

/// The directory and name of a mount.
struct Place<'n> {
    directory: OwnedFd,
    name: &'n str,
    path: PathBuf,
}

impl<'n> Place<'n> {
    fn open(directory: &Path, name: &'n str) -> Result<Self, StageError> {
        let path = directory.join(name);
        let error = |operation, source| StageError { operation, path: path.clone(), source };
        let mut parts = Path::new(name).components();
        let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
            return Err(error("name", Errno::INVAL));
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, directory, flags, Mode::empty())
            .map_err(|source| error("reach", source))?;
        Ok(Self { directory, name, path })
    }

    /// Makes what the object is mounted on: a directory for a directory, an empty file for everything else.
    fn make_target(&self, object: BorrowedFd<'_>) -> Result<OwnedFd, StageError> {
        let stat = rustix::fs::fstat(object).map_err(self.fail("look at the object for"))?;
        let fail = "make the place of";
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            rustix::fs::mkdirat(&self.directory, self.name, Mode::RWXU).map_err(self.fail(fail))?;
        } else {
            let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            rustix::fs::openat(&self.directory, self.name, create, Mode::RUSR | Mode::WUSR)
                .map_err(self.fail(fail))?;
        }
        self.open_entry().map_err(self.fail(fail))
    }

    /// What has the name: the place, and once there is a mount what is mounted.
    fn open_entry(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.directory, self.name, flags, Mode::empty())
    }

    fn fail(&self, operation: &'static str) -> impl FnOnce(Errno) -> StageError {
        let path = self.path.clone();
        move |source| StageError { operation, path, source }
    }
}

/// Hangs the copied tree on its place.
fn hang(place: &Place<'_>, tree: &OwnedFd, target: &OwnedFd) -> Result<(), StageError> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", target.as_fd(), "", flags).map_err(place.fail("hang"))
}

/// The same for kernels that copy no tree: mount(2) reads paths, and the paths of descriptors lead to what they hold and
/// nowhere else. What came of it is looked at.
fn bind(place: &Place<'_>, object: BorrowedFd<'_>, target: &OwnedFd, reach: Reach) -> Result<(), StageError> {
    let held = |descriptor: BorrowedFd<'_>| format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let numbers = |descriptor: BorrowedFd<'_>| {
        rustix::fs::fstat(descriptor).map(|found| (found.st_dev, found.st_ino, found.st_nlink > 0))
    };
    let (from, to) = (held(object), held(target.as_fd()));
    let wanted = numbers(object).map_err(place.fail("look at the object for"))?;
    if !wanted.2 {
        return Err(place.fail("copy the object for")(Errno::NOENT));
    }
    match reach {
        Reach::Tree => mount_bind_recursive(from, to),
        Reach::Object => mount_bind(from, to),
    }
    .map_err(place.fail("bind"))?;
    let mounted = place.open_entry().and_then(|mounted| numbers(mounted.as_fd()));
    match mounted.map_err(place.fail("look at"))? == wanted {
        true => Ok(()),
        false => Err(place.fail("find the object in")(Errno::STALE)),
    }
}

/// Sets how the mount spreads: whatever it was before, what is mounted into a shared mount becomes shared.
fn set_spread(place: &Place<'_>, spread: Spread) -> Result<(), StageError> {
    let propagation = match spread {
        Spread::Private => MountPropagationFlags::PRIVATE,
        Spread::FromHost => MountPropagationFlags::DOWNSTREAM,
        Spread::Both => return Ok(()),
    };
    mount_change(&place.path, propagation | MountPropagationFlags::REC).map_err(place.fail("cut off"))
}

#[cfg(test)]
mod tests;
