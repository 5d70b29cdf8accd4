//! What can go wrong at the container port, as types that the driver can act on.

use std::time::Duration;

/// A failure of the container port. Display names operation and object, never the source.
#[derive(Debug, thiserror::Error)]
pub enum ContainersError {
    /// The object does not exist.
    #[error("{operation}: {id} does not exist")]
    NotFound {
        /// What was attempted, such as `delete the task`.
        operation: &'static str,
        /// The object.
        id: String,
    },
    /// The object exists already.
    #[error("{operation}: {id} exists already")]
    AlreadyExists {
        /// What was attempted.
        operation: &'static str,
        /// The object.
        id: String,
    },
    /// The connection to the daemon is down or broke during the call; the outcome of the call is unknown.
    #[error("{operation}: containerd at {address} can not be reached ({reason})")]
    Lost {
        /// What was attempted.
        operation: &'static str,
        /// The daemon's socket.
        address: String,
        /// What the transport said.
        reason: String,
    },
    /// The daemon did not answer in time; the outcome is unknown.
    #[error("{operation}: containerd did not answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// What was attempted.
        operation: &'static str,
        /// The deadline that passed.
        limit: Duration,
    },
    /// The image does not exist or may not be read; asking again will not help.
    #[error("image {reference}: {reason}")]
    ImageRefused {
        /// The reference as it was resolved.
        reference: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// The image could not be fetched now; asking again may help.
    #[error("image {reference} could not be pulled: {reason}")]
    PullInterrupted {
        /// The reference as it was resolved.
        reference: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// The task's first program can not be executed; the job's fault.
    #[error("command {command:?} can not be run: {reason}")]
    Command {
        /// The program that was to be run.
        command: String,
        /// What the runtime said of it, such as `executable file not found in $PATH`.
        reason: String,
    },
    /// The daemon's configuration does not fit: a snapshotter or runtime that it does not have.
    #[error("{operation}: {reason}")]
    Unsupported {
        /// What was attempted.
        operation: &'static str,
        /// What is missing.
        reason: String,
    },
    /// The daemon ended what it had begun at a deadline of its own; on another day it may have the time.
    #[error("{operation}: {reason}")]
    GaveUp {
        /// What was attempted.
        operation: &'static str,
        /// What it waited for, and what it said.
        reason: String,
    },
    /// The daemon refused or failed for a reason of its own.
    #[error("{operation}: {reason}")]
    Failed {
        /// What was attempted.
        operation: &'static str,
        /// What it said.
        reason: String,
    },
}

impl ContainersError {
    /// The same error with the program named as the job names it, where the daemon did not name it.
    #[must_use]
    pub fn of_program(self, program: &str) -> Self {
        match self {
            Self::Command { reason, command } if command.is_empty() => {
                Self::Command { command: program.to_owned(), reason }
            }
            other => other,
        }
    }

    /// The object is gone.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// The outcome is unknown because the daemon can not be asked now.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::TimedOut { .. })
    }

    /// A later start may succeed: the daemon may be back or less busy, or the clean-up has removed what stood in the way.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_lost()
            || matches!(self, Self::PullInterrupted { .. } | Self::AlreadyExists { .. } | Self::GaveUp { .. })
    }
}
