//! Destroying: nothing of the task is left, or the error says what. The caller has the container's turn.

use std::sync::Arc;

use crate::error::DriverError;
use crate::life::{Effect, Event, Thing};
use crate::release::release;
use crate::stop;
use crate::task::Task;

/// Ends the task if need be and removes its files, and container and snapshot where the operator does not keep them.
pub(crate) async fn destroy(task: &Arc<Task>, force: bool) -> Result<(), DriverError> {
    let mut effect = task.on(Event::Destroy { force })?;
    if effect == Effect::Kill {
        stop::kill(task).await?;
        effect = task.on(Event::Destroy { force })?;
    }
    let Effect::Release(mut things) = effect else { return Ok(()) };
    if task.context.config.keep_containers {
        things = leave_container(task, things).await?;
    }
    let released = release(&task.context, &task.container, &task.life, things).await;
    released.map_err(|failures| first(failures, task))?;
    tracing::debug!(task = %task.id, "destroyed");
    Ok(())
}

/// Gives what the daemon keeps over to the reaper, which removes it when the allocation's directory is gone. The rest
/// is to be released.
async fn leave_container(task: &Task, things: Vec<Thing>) -> Result<Vec<Thing>, DriverError> {
    task.context.ports.end_task(&task.container).await?;
    let (left, rest): (Vec<Thing>, Vec<Thing>) = things.into_iter().partition(|thing| thing.is_of_daemon());
    for thing in left {
        task.on(Event::Released(thing))?;
    }
    Ok(rest)
}

/// The failure that decides what becomes of the destruction; the others are logged.
fn first(failures: Vec<DriverError>, task: &Task) -> DriverError {
    let mut failures = failures.into_iter();
    let first = failures.next();
    failures.for_each(|error| tracing::warn!(task = %task.id, error = crate::chain(&error), "not removed"));
    first.unwrap_or(DriverError::Interrupted("the removal of the task"))
}
