//! Destroying: nothing of the task is left, or the error says what. The caller has the container's turn.

use std::sync::Arc;

use crate::error::{DriverError, chain};
use crate::node::back_off::BackOff;
use crate::running::lifecycle::{Effect, Event, Thing};
use crate::running::registry::Known;
use crate::running::release::release;
use crate::running::stop;
use crate::running::task::Task;

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
    failures.for_each(|error| tracing::warn!(task = %task.id, error = chain(&error), "not removed"));
    first.unwrap_or(DriverError::Interrupted("the removal of the task"))
}

/// Removes a task that this process knows. What the daemon's absence interrupts goes on later.
pub(crate) async fn destroy_known(known: Known, task: Arc<Task>, force: bool) -> Result<(), DriverError> {
    let result = destroy_locked(&known, &task, force).await;
    if result.as_ref().is_err_and(DriverError::is_lost) {
        tokio::spawn(destroy_later(known, task));
    }
    result
}

/// Under the container's lock: a start of the same task must not meet a removal under way.
async fn destroy_locked(known: &Known, task: &Arc<Task>, force: bool) -> Result<(), DriverError> {
    let _lock = known.locks.take(&task.container).await;
    destroy(task, force).await?;
    known.tasks.remove(task);
    Ok(())
}

/// Finishes a destruction that the daemon's absence interrupted; a task that cannot be removed stays known.
async fn destroy_later(known: Known, task: Arc<Task>) {
    let mut back_off = BackOff::default();
    loop {
        task.context.connected().await;
        match destroy_locked(&known, &task, true).await {
            Err(error) if error.is_lost() => back_off.pause().await,
            Err(error) => {
                let error = chain(&error);
                return tracing::error!(task = %task.id, error, "the destroyed task could not be removed");
            }
            Ok(()) => return tracing::info!(task = %task.id, "removed after containerd came back"),
        }
    }
}
