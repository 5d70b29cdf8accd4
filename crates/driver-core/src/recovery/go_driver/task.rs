//! What is known of a task that the Go driver started.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::request::ids::TaskId;
use crate::request::task::Identity;

/// What the handle of the Go driver (version 1) tells of a task, with what Nomad adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoDriverTask {
    /// Nomad's id of the task.
    pub id: TaskId,
    /// Who the task is.
    pub identity: Identity,
    /// The container's name in containerd.
    pub container: String,
    /// When it was started.
    pub started_at: SystemTime,
    /// Root of the allocation, beneath which Nomad's pipes lie.
    pub alloc_root: PathBuf,
    /// Nomad's pipe for standard output.
    pub stdout: PathBuf,
    /// Nomad's pipe for standard error.
    pub stderr: PathBuf,
}

/// How long the daemon has to tell of the task.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
