//! The way back of a failed start.

use std::sync::Arc;

use crate::error::{DriverError, chain};
use crate::node::context::Context;
use crate::request::ids::ContainerId;
use crate::running::lifecycle::{Effect, Event, LifeCell};
use crate::running::release::release;

/// Gives back whatever a start has made, or may have made.
pub(crate) struct Undo {
    pub(crate) context: Arc<Context>,
    pub(crate) id: ContainerId,
    life: Arc<LifeCell>,
}

impl Undo {
    pub(super) fn new(context: Arc<Context>, id: ContainerId, life: Arc<LifeCell>) -> Self {
        Self { context, id, life }
    }

    /// Unwinds in reverse order and gives the cause, with the failures of the unwinding where there were any.
    pub(super) async fn after(self, cause: DriverError) -> Failed {
        let failures = self.again().await;
        if failures.is_empty() {
            return Failed { cause, rest: None };
        }
        let rest = failures.iter().any(DriverError::is_lost).then_some(self);
        if failures.iter().all(DriverError::is_lost) {
            return Failed { cause, rest };
        }
        let cleanup = failures.iter().map(|error| chain(error)).collect();
        Failed { cause: DriverError::Unwound { cleanup, cause: Box::new(cause) }, rest }
    }

    /// Gives back what is still held, and tells what could not be.
    pub(crate) async fn again(&self) -> Vec<DriverError> {
        match self.life.on(Event::Failed) {
            Ok(Effect::Release(things)) => {
                release(&self.context, &self.id, &self.life, things).await.err().unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

/// A start that did not come about.
pub(crate) struct Failed {
    pub(crate) cause: DriverError,
    /// What is to be given back as soon as the daemon answers again.
    pub(crate) rest: Option<Undo>,
}
