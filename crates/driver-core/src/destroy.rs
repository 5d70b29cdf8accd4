//! Destroying: nothing of the task is left, or the error says what. The caller has the container's turn.

use std::sync::Arc;

use crate::error::DriverError;
use crate::life::{Effect, Event};
use crate::release::release;
use crate::stop;
use crate::task::Task;

/// Ends the task if need be and removes container, snapshot and files.
pub(crate) async fn destroy(task: &Arc<Task>, force: bool) -> Result<(), DriverError> {
    let mut effect = task.on(Event::Destroy { force })?;
    if effect == Effect::Kill {
        stop::kill(task).await?;
        effect = task.on(Event::Destroy { force })?;
    }
    let Effect::Release(things) = effect else { return Ok(()) };
    let released = release(&task.context, &task.container, &task.life, things).await;
    released.map_err(|failures| first(failures, task))?;
    tracing::debug!(task = %task.id, "destroyed");
    Ok(())
}

/// The failure that decides what becomes of the destruction; the others are logged.
fn first(failures: Vec<DriverError>, task: &Task) -> DriverError {
    let mut failures = failures.into_iter();
    let first = failures.next();
    failures.for_each(|error| tracing::warn!(task = %task.id, error = crate::chain(&error), "not removed"));
    first.unwrap_or(DriverError::Interrupted("the removal of the task"))
}
