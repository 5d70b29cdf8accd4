//! Paths of a task resolved beneath a root without following links.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::newer::NewerCall;

/// How often a resolution is tried again when the kernel saw a rename race it (openat2(2), `EAGAIN`).
const RACES: usize = 32;
/// How deep a path may lead where each step has a descriptor.
const DEPTH_MAX: usize = 256;

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
    let resolved = OPENAT2.run(|| at_once(root, path)).unwrap_or_else(|| step_by_step(root, path));
    resolved.map_err(|errno| classify(path, errno))
}

/// openat2(2) is there since 5.6.
static OPENAT2: NewerCall = NewerCall::new();

/// openat2(2), again when a rename raced it.
fn at_once(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let mut outcome = Err(Errno::AGAIN);
    for _ in 0..RACES {
        outcome = rustix::fs::openat2(root, path, flags, Mode::empty(), how);
        if !matches!(outcome, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    outcome
}

/// The same for kernels without it. Each step opens one name and looks whether that is a link. The way back is the
/// directory that was passed before, never the kernel's `..`, which leads out of a directory that was moved meanwhile.
fn step_by_step(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    if path.as_os_str().is_empty() {
        return Err(Errno::NOENT);
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |directory: BorrowedFd<'_>, name: &OsStr| {
        let opened = rustix::fs::openat(directory, name, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode);
        if kind == FileType::Symlink { Err(Errno::LOOP) } else { Ok(opened) }
    };
    let mut passed = vec![open(root, OsStr::new("."))?];
    for part in path.components() {
        let Some(here) = passed.last() else { return Err(Errno::XDEV) };
        match part {
            Component::Normal(_) if passed.len() > DEPTH_MAX => return Err(Errno::NAMETOOLONG),
            Component::Normal(name) => passed.push(open(here.as_fd(), name)?),
            // What it is the way back from has to be a directory.
            Component::ParentDir => drop((open(here.as_fd(), OsStr::new("."))?, passed.pop())),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return Err(Errno::XDEV),
        }
    }
    passed.pop().ok_or(Errno::XDEV)
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
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::{Kernel, on_both_kernels};

    fn escapes(outcome: Result<OwnedFd, BeneathError>) -> bool {
        matches!(outcome, Err(BeneathError::Escapes { .. }))
    }

    #[test]
    fn a_path_inside_is_resolved_to_its_object() {
        on_both_kernels(|| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
            let root = open_root(dir.path()).unwrap();
            let fd = resolve(root.as_fd(), Path::new("a/../a/b")).unwrap();
            let seen = rustix::fs::fstat(&fd).unwrap();
            let wanted = rustix::fs::stat(dir.path().join("a/b")).unwrap();
            assert_eq!((seen.st_dev, seen.st_ino), (wanted.st_dev, wanted.st_ino));
        });
    }

    #[test]
    fn links_parents_and_absolute_paths_do_not_lead_out() {
        on_both_kernels(|| {
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
        });
    }

    #[test]
    fn a_link_that_stays_inside_is_refused_too() {
        on_both_kernels(|| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("real"), "x").unwrap();
            symlink("real", dir.path().join("link")).unwrap();
            let root = open_root(dir.path()).unwrap();
            assert!(escapes(resolve(root.as_fd(), Path::new("link"))));
        });
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        on_both_kernels(|| {
            let dir = tempfile::tempdir().unwrap();
            let root = open_root(dir.path()).unwrap();
            let outcome = resolve(root.as_fd(), Path::new("none"));
            assert!(matches!(outcome, Err(BeneathError::NotFound { .. })));
            let outcome = open_root(&dir.path().join("none"));
            assert!(matches!(outcome, Err(BeneathError::NotFound { .. })));
        });
    }

    #[test]
    fn both_ways_give_the_same_for_every_form_of_a_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/file"), "x").unwrap();
        symlink("a", dir.path().join("link")).unwrap();
        let root = open_root(dir.path()).unwrap();
        let told = |kernel: Kernel, path: &str| {
            kernel.enter();
            let outcome = resolve(root.as_fd(), Path::new(path));
            Kernel::Own.enter();
            match outcome {
                Ok(found) => rustix::fs::fstat(found).unwrap().st_ino.to_string(),
                Err(error) => format!("{error:?}"),
            }
        };
        for path in [
            "",
            ".",
            "..",
            "/",
            "a",
            "./a//b/.",
            "a/..",
            "a/../..",
            "a/b/../file",
            "a/file/..",
            "a/file/x",
            "none/..",
            "link/..",
            "link/b",
            "a/../link",
            "a/b/../../a",
            "../a",
        ] {
            assert_eq!(told(Kernel::Own, path), told(Kernel::Old, path), "{path:?}");
        }
    }
}
