//! Log and exec pipes: checked without following links, made, and opened without blocking.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// What a log path of the client leads to.
#[derive(Debug)]
pub enum LogTarget {
    /// A FIFO; the descriptor is `O_PATH`, so nothing was opened for reading or writing.
    Fifo(OwnedFd),
    /// `/dev/null`: the client turned logging off.
    Null,
}

/// Why a pipe can not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FifoError {
    /// It is neither a FIFO nor `/dev/null`.
    #[error("{path:?} is neither a FIFO nor /dev/null")]
    NotFifo {
        /// The path as given.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("can not {operation} the FIFO {path:?}")]
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
/// # Errors
/// [`FifoError::NotFifo`] for anything else, [`FifoError::Io`] when it can not be looked at.
pub fn check(path: &Path) -> Result<LogTarget, FifoError> {
    let _ = path;
    todo!()
}

/// Makes a FIFO with mode 0600; an existing entry is an error.
///
/// # Errors
/// [`FifoError::Io`].
pub fn make(path: &Path) -> Result<(), FifoError> {
    let _ = path;
    todo!()
}

/// Opens the reading end; returns at once whether or not a writer is there. The descriptor is non-blocking.
///
/// # Errors
/// [`FifoError`].
pub fn open_read(path: &Path) -> Result<OwnedFd, FifoError> {
    let _ = path;
    todo!()
}

/// Opens the writing end. The descriptor is non-blocking.
///
/// # Errors
/// [`FifoError::Io`] with `ENXIO` when nobody reads.
pub fn open_write(path: &Path) -> Result<OwnedFd, FifoError> {
    let _ = path;
    todo!()
}
