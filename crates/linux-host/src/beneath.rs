//! Paths of a task resolved beneath a root without following links.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// How often a resolution is tried again when the kernel saw a rename race it (openat2(2), `EAGAIN`).
const RACES: usize = 32;

/// Why a path was not resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeneathError {
    /// The path leaves its root or passes through a symbolic link.
    #[error("{path:?} leaves its root or passes through a symbolic link")]
    Escapes {
        /// The path as given.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
    /// Nothing is there.
    #[error("{path:?} does not exist")]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// Opening failed for another reason.
    #[error("cannot open {path:?}")]
    Open {
        /// The path as given.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
}

/// Opens a directory that this process trusts as a root, as an `O_PATH` descriptor.
///
/// # Errors
/// [`BeneathError::NotFound`] or [`BeneathError::Open`], also when it is not a directory.
pub fn open_root(path: &Path) -> Result<OwnedFd, BeneathError> {
    rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| classify(path, errno))
}

/// Resolves `path` beneath `root` to an `O_PATH` descriptor; no link is followed and no step leaves the root.
///
/// # Errors
/// [`BeneathError::Escapes`] for `..` above the root, absolute paths and links.
pub fn resolve(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, BeneathError> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    open_resolved(root, path, flags, how).map_err(|errno| classify(path, errno))
}

/// openat2(2), again when a rename raced it.
pub(crate) fn open_resolved(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    how: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let mut outcome = Err(Errno::AGAIN);
    for _ in 0..RACES {
        outcome = rustix::fs::openat2(root, path, flags, Mode::empty(), how);
        if !matches!(outcome, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    outcome
}

fn classify(path: &Path, errno: Errno) -> BeneathError {
    let path = path.to_owned();
    match errno {
        Errno::NOENT => BeneathError::NotFound { path },
        Errno::LOOP | Errno::XDEV => BeneathError::Escapes { path, source: errno },
        _ => BeneathError::Open { path, source: errno },
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    use super::*;

    fn escapes(outcome: Result<OwnedFd, BeneathError>) -> bool {
        matches!(outcome, Err(BeneathError::Escapes { .. }))
    }

    #[test]
    fn a_path_inside_is_resolved_to_its_object() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let root = open_root(dir.path()).unwrap();
        let fd = resolve(root.as_fd(), Path::new("a/../a/b")).unwrap();
        let seen = rustix::fs::fstat(&fd).unwrap();
        let wanted = rustix::fs::stat(dir.path().join("a/b")).unwrap();
        assert_eq!((seen.st_dev, seen.st_ino), (wanted.st_dev, wanted.st_ino));
    }

    #[test]
    fn links_parents_and_absolute_paths_do_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let root_path = dir.path().join("root");
        std::fs::create_dir(&root_path).unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        symlink("../secret", root_path.join("file")).unwrap();
        symlink("..", root_path.join("up")).unwrap();
        symlink("/proc/self/root", root_path.join("magic")).unwrap();
        let root = open_root(&root_path).unwrap();
        for path in ["file", "up/secret", "../secret", "magic/etc", "/etc/passwd", "a/../../secret"] {
            std::fs::create_dir_all(root_path.join("a")).unwrap();
            assert!(escapes(resolve(root.as_fd(), Path::new(path))), "{path}");
        }
    }

    #[test]
    fn a_link_that_stays_inside_is_refused_too() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("real"), "x").unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        let root = open_root(dir.path()).unwrap();
        assert!(escapes(resolve(root.as_fd(), Path::new("link"))));
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let root = open_root(dir.path()).unwrap();
        let outcome = resolve(root.as_fd(), Path::new("none"));
        assert!(matches!(outcome, Err(BeneathError::NotFound { .. })));
        let outcome = open_root(&dir.path().join("none"));
        assert!(matches!(outcome, Err(BeneathError::NotFound { .. })));
    }
}
