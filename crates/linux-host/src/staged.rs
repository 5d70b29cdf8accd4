//! Checked objects as mounts: what a descriptor holds is mounted in a directory of the driver's own, so that a
//! runtime gets the object that was checked and never a path that a task can change.
//!
//! A mount is no open file: it is there until [`unstage`] removes it, also after this process has ended.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount_change, move_mount, open_tree,
    unmount,
};

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
    Ok(open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLOEXEC)?)
}

/// Whether nothing leads to the object any more: it was removed, or another one has its name. What cannot be told is
/// not said.
pub fn is_unlinked(object: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(object).is_ok_and(|found| found.st_nlink == 0)
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
    let tree = open_tree(object, "", flags | all).map_err(place.fail("copy the object for"))?;
    let target = place.make_target(object)?;
    if let Err(error) = attach(&place, &tree, &target, spread) {
        unstage(directory, name)?;
        return Err(error);
    }
    Ok(place.path)
}

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
        let (flags, fail) = (OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, "make the place of");
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            rustix::fs::mkdirat(&self.directory, self.name, Mode::RWXU).map_err(self.fail(fail))?;
        } else {
            let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            rustix::fs::openat(&self.directory, self.name, create, Mode::RUSR | Mode::WUSR)
                .map_err(self.fail(fail))?;
        }
        rustix::fs::openat(&self.directory, self.name, flags, Mode::empty()).map_err(self.fail(fail))
    }

    fn fail(&self, operation: &'static str) -> impl FnOnce(Errno) -> StageError {
        let path = self.path.clone();
        move |source| StageError { operation, path, source }
    }
}

/// Hangs the copied tree on its place and sets how it spreads: whatever it was before, a tree that is hung into a
/// shared mount becomes shared.
fn attach(place: &Place<'_>, tree: &OwnedFd, target: &OwnedFd, spread: Spread) -> Result<(), StageError> {
    let propagation = match spread {
        Spread::Private => Some(MountPropagationFlags::PRIVATE),
        Spread::FromHost => Some(MountPropagationFlags::DOWNSTREAM),
        Spread::Both => None,
    };
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", target.as_fd(), "", flags).map_err(place.fail("hang"))?;
    match propagation {
        Some(propagation) => {
            mount_change(&place.path, propagation | MountPropagationFlags::REC).map_err(place.fail("cut off"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
