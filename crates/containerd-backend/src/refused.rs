//! A refused call with its context, and its translation into the port's error.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use driver_core::ports::ContainersError;

use crate::classify::Trouble;

/// A call that failed: what was attempted, on what, and what the answer means.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} ({id}): {trouble:?}")]
pub(crate) struct Refused {
    /// What was attempted, such as `delete the task`.
    pub(crate) operation: &'static str,
    /// The object.
    pub(crate) id: String,
    /// The daemon's socket.
    pub(crate) address: Arc<Path>,
    /// What the answer means.
    pub(crate) trouble: Trouble,
    /// The deadline of one call.
    pub(crate) limit: Duration,
}

impl Refused {
    /// The object is gone.
    pub(crate) fn is_not_found(&self) -> bool {
        self.trouble == Trouble::NotFound
    }

    /// The object is there already.
    pub(crate) fn is_already_there(&self) -> bool {
        self.trouble == Trouble::AlreadyExists
    }

    /// The daemon does not know the call.
    pub(crate) fn is_unimplemented(&self) -> bool {
        self.trouble == Trouble::Unimplemented
    }

    /// The daemon could not be asked.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.trouble, Trouble::Lost(_) | Trouble::TimedOut(_))
    }
}

impl From<Refused> for ContainersError {
    fn from(refused: Refused) -> Self {
        let Refused { operation, id, address, trouble, limit } = refused;
        match trouble {
            Trouble::NotFound => Self::NotFound { operation, id },
            Trouble::AlreadyExists | Trouble::StillThere => Self::AlreadyExists { operation, id },
            Trouble::RefLocked => {
                Self::Failed { operation, reason: format!("{id} is being written by another client") }
            }
            Trouble::Unimplemented => Self::Unsupported {
                operation,
                reason: "this version of containerd does not know the call".to_owned(),
            },
            Trouble::Lost(reason) => Self::Lost { operation, address: address.display().to_string(), reason },
            Trouble::TimedOut(limit) => Self::TimedOut { operation, limit },
            Trouble::GaveUp(_) => Self::TimedOut { operation, limit },
            Trouble::Command { command, reason } => Self::Command { command, reason },
            Trouble::Unsupported(reason) => Self::Unsupported { operation, reason },
            Trouble::WrongContent(reason) | Trouble::Overtaken(reason) | Trouble::Failed(reason) => {
                Self::Failed { operation, reason }
            }
        }
    }
}

/// Success where the object is gone already.
pub(crate) fn gone_is_fine(result: Result<(), Refused>) -> Result<(), Refused> {
    match result {
        Err(refused) if refused.is_not_found() => Ok(()),
        other => other,
    }
}
