//! Failures of the driver's operations as its callers see them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::ports::ContainersError;
use crate::refusal::Refusal;
use crate::request::signal::InvalidSignal;

/// Why an operation of the driver failed. Display never prints its source: the edge prints the chain.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Conventional text of Nomad's drivers for an unknown task id.
    #[error("task not found for given id")]
    TaskNotFound,
    /// No configuration has come yet.
    #[error("the driver is not configured yet")]
    NotConfigured,
    /// The configuration can not work.
    #[error("invalid configuration of the containerd driver")]
    Configuration(#[source] ContainersError),
    /// The job asks for what it can not have.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The daemon failed or refused.
    #[error(transparent)]
    Containers(#[from] ContainersError),
    /// A file of the driver's own could not be made or read.
    #[error("{operation} {path}")]
    File {
        /// What was attempted.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An option names something of the host that can not be used.
    #[error("{option} = {value:?} can not be used (accepted: {accepted})")]
    Unusable {
        /// The option as it is spelt in the job file.
        option: &'static str,
        /// What it names.
        value: PathBuf,
        /// What could be used.
        accepted: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A device of the Container Device Interface that no specification gives; the source says which there are.
    #[error("devices = {name:?} can not be used")]
    NoDevice {
        /// The device's name.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A service of the host failed.
    #[error("{operation}")]
    Host {
        /// What was attempted.
        operation: &'static str,
        /// What was said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The task has ended or ends just now.
    #[error("task {0} is not running")]
    NotRunning(String),
    /// Destroy without force of a task that runs.
    #[error("cannot destroy running task {0}: force is not set")]
    StillRunning(String),
    /// What is asked of the task can not be at this point of its life.
    #[error("task {task}: {reason}")]
    Denied {
        /// Nomad's id of the task.
        task: String,
        /// Why.
        reason: String,
    },
    /// A signal that does not exist.
    #[error(transparent)]
    InvalidSignal(#[from] InvalidSignal),
    /// An exec that did not end in time and was killed.
    #[error("command did not finish within {} s and was killed", .0.as_secs_f32())]
    ExecTimeout(Duration),
    /// A persisted state that this version can not read.
    #[error("the recorded state of the task can not be read: {0}")]
    State(String),
    /// The container of a recovered task is gone.
    #[error("container {0} does not exist any more")]
    Gone(String),
    /// The host was started anew after the recovered task was.
    #[error("container {0} ended when the host went down; its exit code is not known")]
    Rebooted(String),
    /// The container of a recovered task is another task's by now.
    #[error("container {container} is of another task by now ({seen}); the task itself is gone")]
    Replaced {
        /// The container.
        container: String,
        /// By what that is known.
        seen: String,
    },
    /// The task did not die of SIGKILL in time.
    #[error("task {task} is still alive {} s after SIGKILL", limit.as_secs())]
    Unkillable {
        /// Nomad's id of the task.
        task: String,
        /// How long it had.
        limit: Duration,
        /// What the kernel said, where it could not be killed past the daemon either.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The task's process is gone after SIGKILL, and the daemon, which alone tells its end, has not done so.
    #[error("task {task} was killed; containerd has not confirmed its end yet")]
    Unconfirmed {
        /// Nomad's id of the task.
        task: String,
        /// What the kernel said, where not all of it could be killed past the daemon.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The failure of a step, and what could not be cleaned up after it.
    #[error("clean-up after the failure was not complete either: {}", cleanup.join("; "))]
    Unwound {
        /// The failures of the clean-up.
        cleanup: Vec<String>,
        /// The failure that made it necessary.
        #[source]
        cause: Box<DriverError>,
    },
    /// The limit of open files is nearly reached.
    #[error(
        "{what} needs {needed} free file descriptors, and the driver has {free}: raise the limit of open files \
         (LimitNOFILE) of the Nomad agent"
    )]
    Descriptors {
        /// What was asked for.
        what: &'static str,
        /// How many are free.
        free: u64,
        /// How many must be.
        needed: u64,
    },
    /// What a job mounts was there when it was checked, and had gone when the container was made.
    #[error(
        "mounts.source = {path:?}: it was replaced or removed while the task was started; what is there now is taken by \
         the next start"
    )]
    SourceGone {
        /// The source.
        path: PathBuf,
        /// The step's failure.
        #[source]
        cause: Box<DriverError>,
    },
    /// Blocking work on this host does not end, such as a read of a file system that does not answer.
    #[error("{what} did not end within {} s", limit.as_secs_f32())]
    Stuck {
        /// The work.
        what: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// The task was stopped or destroyed while it was being started.
    #[error("task {0} was stopped before it had started")]
    Cancelled(String),
    /// An internal task ended before it answered.
    #[error("{0} was interrupted")]
    Interrupted(&'static str),
}

impl DriverError {
    /// Whether the same start may succeed later; Nomad then applies the restart policy instead of failing for good.
    #[must_use]
    pub fn is_recoverable(&self) -> bool {
        match self {
            Self::Containers(error) => error.is_retryable(),
            Self::Unwound { cause, .. } => cause.is_recoverable(),
            Self::Interrupted(_)
            | Self::NotConfigured
            | Self::Descriptors { .. }
            | Self::Stuck { .. }
            | Self::SourceGone { .. }
            | Self::Unconfirmed { .. } => true,
            _ => false,
        }
    }

    /// The daemon could not be reached, which says nothing of what was asked.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Containers(error) => error.is_lost(),
            Self::Unconfirmed { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn host(
        operation: &'static str,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> DriverError {
        move |source| Self::Host { operation, source }
    }

    pub(crate) fn unusable(
        option: &'static str,
        value: impl Into<PathBuf>,
        accepted: &'static str,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> DriverError {
        let value = value.into();
        move |source| Self::Unusable { option, value, accepted, source }
    }

    pub(crate) fn file(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> DriverError {
        let path = path.into();
        move |source| Self::File { operation, path, source }
    }
}

/// The error and its sources in one line, joined by `: `; what the edge prints.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
