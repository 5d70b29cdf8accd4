//! Files that a job or the host's administrator names and that are read whole: of the object that was checked, within
//! limits of size and time. No error quotes what a file contains.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::detached::{self, DetachedError};
use crate::{pseudo, staged};

/// How much of a file is read at most, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub bytes: u64,
    /// How long its file system may take.
    pub time: Duration,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The path leads nowhere, or cannot be followed.
    #[error("cannot open {path:?}")]
    Open {
        /// The path as given.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{path:?} is {kind}; it must be a regular file")]
    NotFile {
        /// The path as given.
        path: PathBuf,
        /// `a directory`, `a FIFO` …
        kind: &'static str,
    },
    /// The kernel makes up what is in it.
    #[error(
        "{path:?} is a file of the kernel's {file_system}; it must be on a disk or a network file system"
    )]
    Pseudo {
        /// The path as given.
        path: PathBuf,
        /// `proc`, `sysfs` …
        file_system: &'static str,
    },
    /// It is too large.
    #[error("{path:?} is too large; it must have at most {limit} bytes")]
    TooLarge {
        /// The path as given.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// It cannot be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The path as given.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Reading it takes too long, or earlier files still do.
    #[error("cannot read {path:?} in time")]
    Time {
        /// The path as given.
        path: PathBuf,
        /// Which of the two.
        source: DetachedError,
    },
}

impl DocumentError {
    /// Whether there is nothing at the path.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Open { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Reads a regular file whole, through all links, if it has at most so many bytes. It may be on a file system that never
/// answers: use this for files that only the host's administrator names. Blocking.
///
/// # Errors
/// [`DocumentError`].
pub fn read(path: &Path, bytes: u64) -> Result<Vec<u8>, DocumentError> {
    let opened = staged::object_at(path);
    let object = opened.map_err(|source| DocumentError::Open { path: path.to_owned(), source })?;
    read_object(object.as_fd(), path, bytes)
}

/// The same for an object that is held already, of an `O_PATH` descriptor; `path` is for errors.
///
/// # Errors
/// [`DocumentError`].
pub fn read_object(object: BorrowedFd<'_>, path: &Path, bytes: u64) -> Result<Vec<u8>, DocumentError> {
    let fail = |source: Errno| DocumentError::Read { path: path.to_owned(), source: source.into() };
    let stat = rustix::fs::fstat(object).map_err(fail)?;
    if let Some(kind) = other_than_file(stat.st_mode) {
        return Err(DocumentError::NotFile { path: path.to_owned(), kind });
    }
    if let Some(file_system) = pseudo::file_system_of(object).map_err(fail)? {
        return Err(DocumentError::Pseudo { path: path.to_owned(), file_system });
    }
    let link = format!("/proc/self/fd/{}", object.as_raw_fd());
    let file = rustix::fs::openat(CWD, link, READ, Mode::empty()).map_err(fail)?;
    match at_most(file, bytes) {
        Ok(Some(content)) => Ok(content),
        Ok(None) => Err(DocumentError::TooLarge { path: path.to_owned(), limit: bytes }),
        Err(source) => Err(DocumentError::Read { path: path.to_owned(), source }),
    }
}

/// The same as [`read`] within a time, for what a job names. Blocking for that time at most.
///
/// # Errors
/// [`DocumentError`].
pub fn read_within(path: &Path, limits: Limits) -> Result<Vec<u8>, DocumentError> {
    let wanted = path.to_owned();
    detached::wait(limits.time, move || read(&wanted, limits.bytes))
        .unwrap_or_else(|source| Err(DocumentError::Time { path: path.to_owned(), source }))
}

/// The same without blocking: `done` gets the outcome on another thread. Whoever waits for it should wait for
/// `limits.time` at most.
///
/// # Errors
/// [`DocumentError::Time`], when reading was not even begun.
pub fn start_reading(
    path: PathBuf,
    limits: Limits,
    done: impl FnOnce(Result<Vec<u8>, DocumentError>) + Send + 'static,
) -> Result<(), DocumentError> {
    let wanted = path.clone();
    detached::start(limits.time, move || read(&wanted, limits.bytes), done)
        .map_err(|source| DocumentError::Time { path, source })
}

/// How a regular file is opened: should it be something else after all, nothing waits and nothing becomes a terminal.
pub(crate) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What is in a file, or nothing if that is more than the limit.
pub(crate) fn at_most(file: OwnedFd, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let file = File::from(file);
    if file.metadata()?.len() > limit {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    Ok(u64::try_from(content.len()).is_ok_and(|length| length <= limit).then_some(content))
}

/// What an object of this mode is, if it is no regular file.
pub(crate) fn other_than_file(mode: u32) -> Option<&'static str> {
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        _ => Some("something else"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::mpsc;

    use super::*;
    use crate::testing::on_both_kernels;

    const LIMITS: Limits = Limits { bytes: 1024, time: Duration::from_secs(60) };

    fn told(path: &Path) -> String {
        match read_within(path, LIMITS) {
            Ok(content) => String::from_utf8(content).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_regular_file_is_read_through_links_and_in_any_encoding() {
        on_both_kernels(|| {
            let dir = tempfile::tempdir().unwrap();
            let (file, link) = (dir.path().join("file"), dir.path().join("link"));
            std::fs::write(&file, b"a\xff\0b").unwrap();
            symlink("file", &link).unwrap();
            for path in [file, link] {
                assert_eq!(read(&path, 4).unwrap(), b"a\xff\0b");
                assert_eq!(read_within(&path, LIMITS).unwrap(), b"a\xff\0b");
            }
        });
    }

    #[test]
    fn what_is_no_regular_file_is_named_and_neither_opened_nor_waited_for() {
        on_both_kernels(|| {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            crate::fifo::make(&at("fifo")).unwrap();
            let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
            let must = "it must be a regular file";
            for (path, kind) in [
                (at("fifo"), "a FIFO"),
                (at("socket"), "a socket"),
                (dir.path().to_owned(), "a directory"),
                ("/dev/zero".into(), "a device"),
            ] {
                assert_eq!(told(&path), format!("{path:?} is {kind}; {must}"));
            }
            assert!(read(&at("none"), 1).unwrap_err().is_absent());
            assert!(!read(&at("fifo"), 1).unwrap_err().is_absent());
        });
    }

    #[test]
    fn files_that_the_kernel_makes_up_are_refused_also_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink("/proc/kmsg", &link).unwrap();
        for (path, file_system) in
            [(link.as_path(), "proc"), (Path::new("/sys/kernel/uevent_seqnum"), "sysfs")]
        {
            assert_eq!(
                told(path),
                format!(
                    "{path:?} is a file of the kernel's {file_system}; it must be on a disk or a network file system"
                )
            );
        }
    }

    #[test]
    fn a_file_that_is_longer_than_the_limit_is_refused_however_long_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, [b'x'; 1024]).unwrap();
        assert_eq!(read(&path, 1024).unwrap().len(), 1024);
        let wanted = format!("{path:?} is too large; it must have at most 1023 bytes");
        assert_eq!(read(&path, 1023).unwrap_err().to_string(), wanted);
        let sparse = File::options().write(true).open(&path).unwrap();
        sparse.set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, u64::from(u32::MAX)), Err(DocumentError::TooLarge { .. })));
    }

    #[test]
    fn what_is_read_is_what_was_checked_when_its_name_is_swapped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "checked").unwrap();
        let object = staged::object_at(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert_eq!(read_object(object.as_fd(), &path, 100).unwrap(), b"checked");
    }

    #[test]
    fn whoever_does_not_wait_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let (sender, outcome) = mpsc::channel();
        start_reading(path, LIMITS, move |read| sender.send(read).unwrap()).unwrap();
        assert_eq!(outcome.recv_timeout(LIMITS.time).unwrap().unwrap(), b"text");
    }
}
