//! Log and exec pipes: checked without following links, made, and opened without blocking.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::beneath::{self, BeneathError};

/// What a log path of the client leads to.
#[derive(Debug)]
pub enum LogTarget {
    /// A FIFO; the descriptor is `O_PATH`, so nothing was opened for reading or writing.
    Fifo(OwnedFd),
    /// `/dev/null`: the client turned logging off.
    Null,
}

/// Why a pipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FifoError {
    /// It is neither a FIFO nor `/dev/null`.
    #[error("{path:?} is neither a FIFO nor /dev/null")]
    NotFifo {
        /// The path as given.
        path: PathBuf,
    },
    /// It does not lie where it should, or a link is on the way.
    #[error("the FIFO cannot be reached safely")]
    Path(#[from] BeneathError),
    /// A system call failed.
    #[error("cannot {operation} the FIFO {path:?}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The path as given.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
}

/// Checks that `path` is a FIFO or exactly `/dev/null`; the last component is not followed.
///
/// For a path in a directory that a task can write use [`check_beneath`].
///
/// # Errors
/// [`FifoError::NotFifo`] for anything else, [`FifoError::Io`] when it cannot be looked at.
pub fn check(path: &Path) -> Result<LogTarget, FifoError> {
    if path == Path::new(NULL) {
        return Ok(LogTarget::Null);
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(io("open", path))?;
    require_fifo(path, &fd)?;
    Ok(LogTarget::Fifo(fd))
}

/// The same for a path beneath `root`, a directory whose own path no task can change: below it not a single link
/// is followed.
///
/// # Errors
/// [`FifoError::Path`] when `path` is not beneath `root` or a link is on the way, else as [`check`].
pub fn check_beneath(root: &Path, path: &Path) -> Result<LogTarget, FifoError> {
    if path == Path::new(NULL) {
        return Ok(LogTarget::Null);
    }
    let inside = path
        .strip_prefix(root)
        .map_err(|_| BeneathError::Escapes { path: path.to_owned(), source: Errno::XDEV })?;
    let root = beneath::open_root(root)?;
    let fd = beneath::resolve(root.as_fd(), inside)?;
    require_fifo(path, &fd)?;
    Ok(LogTarget::Fifo(fd))
}

/// Makes a FIFO with mode 0600; an existing entry is an error.
///
/// # Errors
/// [`FifoError::Io`].
pub fn make(path: &Path) -> Result<(), FifoError> {
    rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).map_err(io("make", path))
}

/// Opens the reading end; returns at once whether or not a writer is there. The descriptor is non-blocking.
///
/// # Errors
/// [`FifoError`].
pub fn open_read(path: &Path) -> Result<OwnedFd, FifoError> {
    open(path, OFlags::RDONLY, "open for reading")
}

/// Opens the writing end. The descriptor is non-blocking.
///
/// # Errors
/// [`FifoError::Io`] with `ENXIO` when nobody reads.
pub fn open_write(path: &Path) -> Result<OwnedFd, FifoError> {
    open(path, OFlags::WRONLY, "open for writing")
}

/// Opens the writing end of a checked FIFO. The descriptor is non-blocking.
///
/// # Errors
/// [`FifoError::Io`] with `ENXIO` when nobody reads.
pub fn open_writer(checked: &OwnedFd) -> Result<OwnedFd, FifoError> {
    reopen(checked, OFlags::WRONLY, "open for writing")
}

/// Opens a checked FIFO at both ends at once, so that what is in it stays there while nobody reads. The descriptor is
/// non-blocking.
///
/// # Errors
/// [`FifoError::Io`].
pub fn open_both(checked: &OwnedFd) -> Result<OwnedFd, FifoError> {
    reopen(checked, OFlags::RDWR, "open at both ends")
}

fn reopen(checked: &OwnedFd, access: OFlags, operation: &'static str) -> Result<OwnedFd, FifoError> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", checked.as_raw_fd()));
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::fs::openat(CWD, &path, flags, Mode::empty()).map_err(io(operation, &path))
}

/// The path that stands for no pipe at all.
const NULL: &str = "/dev/null";

fn open(path: &Path, access: OFlags, operation: &'static str) -> Result<OwnedFd, FifoError> {
    let flags = access | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(io(operation, path))?;
    require_fifo(path, &fd)?;
    Ok(fd)
}

fn require_fifo(path: &Path, fd: &OwnedFd) -> Result<(), FifoError> {
    let stat = rustix::fs::fstat(fd).map_err(io("look at", path))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => Ok(()),
        _ => Err(FifoError::NotFifo { path: path.to_owned() }),
    }
}

fn io(operation: &'static str, path: &Path) -> impl FnOnce(Errno) -> FifoError {
    let path = path.to_owned();
    move |source| FifoError::Io { operation, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_fifo_and_the_null_device_pass() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        make(&path).unwrap();
        assert!(matches!(check(&path), Ok(LogTarget::Fifo(_))));
        assert!(matches!(check_beneath(dir.path(), &path), Ok(LogTarget::Fifo(_))));
        assert!(matches!(check(Path::new("/dev/null")), Ok(LogTarget::Null)));
        assert!(matches!(check_beneath(dir.path(), Path::new("/dev/null")), Ok(LogTarget::Null)));
    }

    #[test]
    fn files_directories_links_and_other_devices_do_not_pass() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        make(&fifo).unwrap();
        let link = dir.path().join("link");
        symlink(&fifo, &link).unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        for path in [dir.path(), &link, &file, Path::new("/dev/zero"), Path::new("/dev/../dev/null")] {
            assert!(matches!(check(path), Err(FifoError::NotFifo { .. })), "{path:?}");
        }
        assert!(open_read(&link).is_err());
        assert!(open_read(&file).is_err());
    }

    #[test]
    fn a_directory_on_the_way_that_became_a_link_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("other")).unwrap();
        make(&dir.path().join("other/out")).unwrap();
        symlink("other", dir.path().join("logs")).unwrap();
        let outcome = check_beneath(dir.path(), &dir.path().join("logs/out"));
        assert!(matches!(outcome, Err(FifoError::Path(BeneathError::Escapes { .. }))));
        let outcome = check_beneath(dir.path(), Path::new("/elsewhere/out"));
        assert!(matches!(outcome, Err(FifoError::Path(BeneathError::Escapes { .. }))));
    }

    #[test]
    fn a_writer_needs_a_reader_and_neither_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        make(&path).unwrap();
        assert!(matches!(open_write(&path), Err(FifoError::Io { source: Errno::NXIO, .. })));
        let reader = open_read(&path).unwrap();
        let writer = open_write(&path).unwrap();
        rustix::io::write(&writer, b"hello").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(rustix::io::read(&reader, &mut buffer).unwrap(), 5);
        assert_eq!(rustix::io::read(&reader, &mut buffer).unwrap_err(), Errno::AGAIN);
    }

    #[test]
    fn making_it_twice_is_an_error_and_its_mode_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        make(&path).unwrap();
        assert!(matches!(make(&path), Err(FifoError::Io { source: Errno::EXIST, .. })));
        assert_eq!(rustix::fs::stat(&path).unwrap().st_mode & 0o7777, 0o600);
    }
}
