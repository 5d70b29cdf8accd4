//! Paths of a task resolved beneath a root without following links.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

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
        source: rustix::io::Errno,
    },
    /// Nothing is there.
    #[error("{path:?} does not exist")]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// Opening failed for another reason.
    #[error("can not open {path:?}")]
    Open {
        /// The path as given.
        path: PathBuf,
        /// What the kernel said.
        source: rustix::io::Errno,
    },
}

/// Opens a directory that this process trusts as a root, as an `O_PATH` descriptor.
///
/// # Errors
/// [`BeneathError::NotFound`] or [`BeneathError::Open`], also when it is not a directory.
pub fn open_root(path: &Path) -> Result<OwnedFd, BeneathError> {
    let _ = path;
    todo!()
}

/// Resolves `path` beneath `root` to an `O_PATH` descriptor; no link is followed and no step leaves the root.
///
/// # Errors
/// [`BeneathError::Escapes`] for `..` above the root, absolute paths and links.
pub fn resolve(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, BeneathError> {
    let _ = (root, path);
    todo!()
}
