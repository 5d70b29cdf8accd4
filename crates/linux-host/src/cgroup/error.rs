//! What can go wrong with a cgroup.

use std::path::{Path, PathBuf};

/// An operation on a cgroup failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CgroupError {
    /// No cgroup hierarchy is mounted.
    #[error("no cgroup hierarchy is mounted")]
    NotMounted,
    /// The cgroup does not exist (any more).
    #[error("the cgroup {path:?} does not exist")]
    Gone {
        /// Its directory.
        path: PathBuf,
    },
    /// The process to move does not exist (any more).
    #[error("process {pid} does not exist")]
    NoProcess {
        /// Its id.
        pid: u32,
    },
    /// A file could not be read or written.
    #[error("cannot {operation} {path:?}")]
    Io {
        /// `read`, `write` or `open`.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Processes were killed and are still there.
    #[error("{count} processes of the cgroup {path:?} did not end after SIGKILL")]
    StillAlive {
        /// Its directory.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The path names a whole hierarchy instead of a task's cgroup in it.
    #[error("{path:?} is not the cgroup of a task")]
    NotOfTask {
        /// The path.
        path: PathBuf,
    },
    /// A process could not be killed.
    #[error("cannot kill the processes of the cgroup {path:?}")]
    Kill {
        /// Its directory.
        path: PathBuf,
        /// Why.
        source: crate::process::ProcessError,
    },
}

pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CgroupError {
    let path = path.to_owned();
    move |source| CgroupError::Io { operation, path, source }
}
