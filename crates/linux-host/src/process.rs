//! Processes told apart for sure: start times, pidfds, the boot id.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;

/// Why a process could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// No such process.
    #[error("process {pid} does not exist")]
    Gone {
        /// Its id.
        pid: u32,
    },
    /// A file of /proc could not be read.
    #[error("can not read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file of /proc has an unknown form.
    #[error("{path:?} has no field {field}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        field: &'static str,
    },
    /// A system call failed.
    #[error("can not {operation} process {pid}")]
    Call {
        /// What was attempted.
        operation: &'static str,
        /// The process.
        pid: u32,
        /// What the kernel said.
        source: Errno,
    },
}

/// When a process started, in clock ticks since boot (`/proc/<pid>/stat`, field 22). Together with the pid and
/// the boot id it names one process for ever.
pub fn start_time(pid: u32) -> Result<u64, ProcessError> {
    let _ = pid;
    todo!()
}

/// The id of this boot of the host (`/proc/sys/kernel/random/boot_id`).
///
/// # Errors
/// [`ProcessError::Read`].
pub fn boot_id() -> Result<String, ProcessError> {
    todo!()
}

/// A process held by a descriptor, so that its id can not come to mean another one.
#[derive(Debug)]
pub struct PidFd {
    pid: u32,
    fd: OwnedFd,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The process has ended.
    Ended,
    /// The time is over and it still runs.
    Running,
}

impl PidFd {
    /// Opens the process.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] or [`ProcessError::Call`].
    pub fn open(pid: u32) -> Result<Self, ProcessError> {
        let _ = pid;
        todo!()
    }

    /// The id it was opened by.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends SIGKILL; a process that has ended already is success.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub fn kill(&self) -> Result<(), ProcessError> {
        todo!()
    }

    /// Blocks until the process ends or `timeout` is over.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub fn wait(&self, timeout: Duration) -> Result<Exit, ProcessError> {
        let _ = (timeout, &self.fd);
        todo!()
    }
}
