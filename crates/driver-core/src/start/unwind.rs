//! The way back of a failed start.

use std::sync::Arc;

use crate::context::Context;
use crate::error::{DriverError, chain};
use crate::ids::ContainerId;
use crate::life::{Effect, Event, LifeCell};
use crate::release::release;

/// Gives back whatever a start has made, or may have made.
pub(super) struct Undo {
    context: Arc<Context>,
    id: ContainerId,
    life: Arc<LifeCell>,
}

impl Undo {
    pub(super) fn new(context: Arc<Context>, id: ContainerId, life: Arc<LifeCell>) -> Self {
        Self { context, id, life }
    }

    /// Unwinds in reverse order and gives the cause, with the failures of the unwinding where there were any.
    pub(super) async fn after(self, cause: DriverError) -> DriverError {
        let Ok(Effect::Release(things)) = self.life.on(Event::Failed) else { return cause };
        match release(&self.context, &self.id, &self.life, things).await {
            Ok(()) => cause,
            Err(failures) => {
                let cleanup = failures.iter().map(|error| chain(error)).collect();
                DriverError::Unwound { cleanup, cause: Box::new(cause) }
            }
        }
    }
}
