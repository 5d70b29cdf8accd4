//! What every phase of a start carries on.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::log_pipes::HeldPipes;
use crate::admission::Admitted;
use crate::error::DriverError;
use crate::node::context::Context;
use crate::request::ids::ContainerId;
use crate::request::task::TaskSpec;
use crate::running::lifecycle::{Event, LifeCell, Step};
use crate::running::starting::Starting;

/// What every phase carries on.
pub(super) struct Common {
    pub(super) context: Arc<Context>,
    pub(super) spec: TaskSpec,
    pub(super) admitted: Arc<Admitted>,
    pub(super) id: ContainerId,
    pub(super) life: Arc<LifeCell>,
    /// Tells that the task is stopped before it has started.
    pub(super) starting: Starting,
    /// Whether the file system that the host's restart left is used again.
    pub(super) reuses: bool,
    /// The log pipes, once something that may have written into them was removed.
    pub(super) pipes: OnceCell<HeldPipes>,
}

impl Common {
    /// A step of the start: from its begin on its owner is asked to give back what it makes.
    pub(super) async fn step<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, DriverError>>,
    ) -> Result<T, DriverError> {
        tracing::debug!(container = %self.id, ?step, "a step of the start begins");
        self.on(Event::Begun(step))?;
        let made = work.await?;
        self.on(Event::Reached(step))?;
        Ok(made)
    }

    pub(super) fn on(&self, event: Event) -> Result<(), DriverError> {
        let answer = self.life.on(event).map(drop);
        answer.map_err(|denial| DriverError::Denied {
            task: self.spec.id.to_string(),
            reason: denial.to_string(),
        })
    }

    pub(super) fn event(&self, message: impl Into<String>) {
        self.context.events.emit(&self.spec.id, &self.spec.identity, message);
    }
}
