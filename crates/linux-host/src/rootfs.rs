//! Files of an image's root file system, read without leaving anything mounted.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// One mount as containerd's snapshotters describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootfsMount {
    /// `overlay`, `bind`, or another file system type.
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// fstab options.
    pub options: Vec<String>,
}

/// Why the files could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootfsError {
    /// The reading thread could not be started, or it died.
    #[error("can not run the thread that reads the image's files")]
    Thread(#[source] Option<std::io::Error>),
    /// A step of mounting failed.
    #[error("can not {operation} to read the image's files")]
    Mount {
        /// What was attempted.
        operation: String,
        /// What the kernel said.
        source: Errno,
    },
    /// A file of the image could not be read.
    #[error("can not read {file:?} of the image")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file of the image is larger than what is read.
    #[error("{file:?} of the image is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Reads `files` (paths inside the image, links resolved inside it) from the root that `mounts` make up.
///
/// Blocking. `scratch` is an existing empty directory; in the thread's private mount namespace, which dies with
/// the thread, the root is mounted on it read-only. A file that is missing or not regular is `None`.
///
/// # Errors
/// [`RootfsError`].
pub fn read_files(
    mounts: &[RootfsMount],
    scratch: &Path,
    files: &[&str],
) -> Result<Vec<Option<Vec<u8>>>, RootfsError> {
    let _ = (mounts, scratch, files);
    todo!()
}
