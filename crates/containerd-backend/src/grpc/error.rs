//! A refused call with its context, and its translation into the port's error.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use driver_core::ports::ContainersError;

use crate::grpc::classify::ErrorKind;

/// A call that failed: what was attempted, on what, and what the answer means.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} ({id}): {kind:?}")]
pub(crate) struct RpcError {
    /// What was attempted, such as `delete the task`.
    pub(crate) operation: &'static str,
    /// The object.
    pub(crate) id: String,
    /// The daemon's socket.
    pub(crate) address: Arc<Path>,
    /// What the answer means.
    pub(crate) kind: ErrorKind,
    /// The deadline of one call.
    pub(crate) limit: Duration,
}

impl RpcError {
    /// The object is gone.
    pub(crate) fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// The object is there already.
    pub(crate) fn is_already_there(&self) -> bool {
        self.kind == ErrorKind::AlreadyExists
    }

    /// The daemon does not know the call.
    pub(crate) fn is_unimplemented(&self) -> bool {
        self.kind == ErrorKind::Unimplemented
    }

    /// The daemon could not be asked.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.kind, ErrorKind::Lost(_) | ErrorKind::TimedOut(_))
    }
}

impl From<RpcError> for ContainersError {
    fn from(refused: RpcError) -> Self {
        let RpcError { operation, id, address, kind, limit } = refused;
        match kind {
            ErrorKind::NotFound => Self::NotFound { operation, id },
            ErrorKind::AlreadyExists | ErrorKind::StillThere => Self::AlreadyExists { operation, id },
            ErrorKind::RefLocked => {
                Self::Failed { operation, reason: format!("{id} is being written by another client") }
            }
            ErrorKind::Unimplemented => Self::Unsupported {
                operation,
                reason: "this version of containerd does not know the call".to_owned(),
            },
            ErrorKind::Lost(reason) => {
                Self::Lost { operation, address: address.display().to_string(), reason }
            }
            ErrorKind::TimedOut(limit) => Self::TimedOut { operation, limit },
            ErrorKind::GaveUp(_) => Self::TimedOut { operation, limit },
            ErrorKind::Command { command, reason } => Self::Command { command, reason },
            ErrorKind::Unsupported(reason) => Self::Unsupported { operation, reason },
            ErrorKind::WrongContent(reason) | ErrorKind::Overtaken(reason) | ErrorKind::Failed(reason) => {
                Self::Failed { operation, reason }
            }
        }
    }
}

/// Success where the object is gone already.
pub(crate) fn gone_is_fine(result: Result<(), RpcError>) -> Result<(), RpcError> {
    match result {
        Err(refused) if refused.is_not_found() => Ok(()),
        other => other,
    }
}
