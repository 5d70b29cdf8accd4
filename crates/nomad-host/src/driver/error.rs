//! What a call to a driver can end in.

use nomad_proto::cty::EncodeError;
use nomad_proto::hclspec::EvaluateError;
use std::error::Error;
use tonic::{Code, Status};

/// The protocol's text for a task that the driver does not know. It has no code of its own.
const UNKNOWN_TASK: &str = "task not found for given id";

/// A call did not give its result.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The driver answered with an error.
    #[error("{message}")]
    Refused {
        /// The call, as the protocol names it.
        call: &'static str,
        /// The status code.
        code: Code,
        /// The driver's text.
        message: String,
        /// Whether the driver says that trying again may help.
        recoverable: bool,
    },
    /// The driver does not know the task.
    #[error("{UNKNOWN_TASK}")]
    UnknownTask {
        /// The call, as the protocol names it.
        call: &'static str,
    },
    /// The connection to the plugin was lost, or never made.
    #[error("{call} got no answer from the plugin")]
    Disconnected {
        /// The call, as the protocol names it.
        call: &'static str,
        /// What the transport said.
        source: Box<Status>,
    },
    /// An answer lacks something that the protocol requires.
    #[error("the answer to {call} lacks `{field}`")]
    Incomplete {
        /// The call, as the protocol names it.
        call: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A configuration does not fit the plugin's schema.
    #[error("the {what} does not fit the plugin's schema")]
    Schema {
        /// Which configuration.
        what: &'static str,
        /// The first key that does not fit.
        source: Box<EvaluateError>,
    },
    /// A configuration cannot be encoded.
    #[error("the {what} cannot be encoded")]
    Encode {
        /// Which configuration.
        what: &'static str,
        /// Why.
        source: EncodeError,
    },
    /// The other side is not a driver of a version that this host speaks.
    #[error("not a driver plugin of interface {expected}: type {kind}, interfaces {versions:?}")]
    Kind {
        /// The interface of this host.
        expected: &'static str,
        /// The number of the plugin's type.
        kind: i32,
        /// What it offers.
        versions: Vec<String>,
    },
}

impl DriverError {
    /// Whether starting the task again may help.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Refused { recoverable: true, .. })
    }

    /// Whether the plugin is gone, so that nothing is known about the call's effect.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected { .. })
    }

    /// A status with a transport's error behind it is a lost connection, whatever its code.
    pub(crate) fn from_status(call: &'static str, status: Status) -> Self {
        if status.source().is_some() {
            return Self::Disconnected { call, source: Box::new(status) };
        }
        if status.message() == UNKNOWN_TASK {
            return Self::UnknownTask { call };
        }
        Self::Refused {
            call,
            code: status.code(),
            recoverable: nomad_proto::status::is_recoverable(&status),
            message: status.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recoverable_detail_is_seen() {
        let error = DriverError::from_status("StartTask", nomad_proto::status::recoverable("pull failed"));
        assert!(error.is_recoverable() && !error.is_disconnected());
        assert_eq!(error.to_string(), "pull failed");
    }

    #[test]
    fn a_plain_error_is_final() {
        let error = DriverError::from_status("StartTask", Status::unknown("no image"));
        assert!(!error.is_recoverable() && !error.is_disconnected());
    }

    #[test]
    fn a_task_that_the_driver_does_not_know_is_told_from_other_errors() {
        let error = DriverError::from_status("DestroyTask", Status::unknown(UNKNOWN_TASK));
        assert!(matches!(error, DriverError::UnknownTask { call: "DestroyTask" }));
        assert_eq!(error.to_string(), "task not found for given id");
    }

    #[test]
    fn an_error_of_the_transport_is_a_lost_connection() {
        let status = Status::from_error(Box::new(std::io::Error::other("broken pipe")));
        let error = DriverError::from_status("WaitTask", status);
        assert!(error.is_disconnected());
        assert_eq!(error.to_string(), "WaitTask got no answer from the plugin");
    }
}
