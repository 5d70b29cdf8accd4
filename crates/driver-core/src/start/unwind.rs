//! The way back of a failed start.

use std::sync::Arc;

use crate::context::Context;
use crate::error::{DriverError, chain};
use crate::ids::ContainerId;

/// Removes whatever of a start exists; every step is idempotent, so it fits each phase.
pub(super) struct Undo {
    context: Arc<Context>,
    id: ContainerId,
}

impl Undo {
    pub(super) fn new(context: Arc<Context>, id: ContainerId) -> Self {
        Self { context, id }
    }

    /// Unwinds in reverse order and gives the cause, with the failures of the unwinding where there were any.
    pub(super) async fn after(self, cause: DriverError) -> DriverError {
        let mut cleanup = Vec::new();
        if let Err(error) = self.context.ports.purge(&self.id).await {
            cleanup.push(chain(&error));
        }
        if let Err(error) = self.context.files.remove_task(&self.id) {
            cleanup.push(chain(&error));
        }
        if cleanup.is_empty() { cause } else { DriverError::Unwound { cleanup, cause: Box::new(cause) } }
    }
}
