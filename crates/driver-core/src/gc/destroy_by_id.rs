//! Destroy of a task that this process does not know: after a recovery that failed, or a start that was cut.

use std::sync::Arc;

use super::leftovers::{self, Leftover};
use crate::error::DriverError;
use crate::node::context::Context;
use crate::node::labels::{self, Labels};
use crate::ports::TaskState;
use crate::request::ids::TaskId;
use crate::running::destroy;
use crate::running::registry::Known;

/// Removes all that carries the task's id, in every containerd namespace that this process works in.
///
/// # Errors
/// [`DriverError::TaskNotFound`] when nothing does.
pub(crate) async fn destroy(
    contexts: Vec<Arc<Context>>,
    known: Known,
    id: TaskId,
    force: bool,
) -> Result<(), DriverError> {
    let mut result = Err(DriverError::TaskNotFound);
    for context in contexts {
        match destroy_in(context, known.clone(), id.clone(), force).await {
            Err(DriverError::TaskNotFound) => {}
            Err(error) => return Err(error),
            Ok(()) => result = Ok(()),
        }
    }
    result
}

async fn destroy_in(context: Arc<Context>, known: Known, id: TaskId, force: bool) -> Result<(), DriverError> {
    let mut wanted: Labels = labels::of_driver();
    wanted.insert(labels::TASK_ID.to_owned(), id.to_string());
    let mut found = leftovers::find(&context, &wanted).await?;
    found.retain(|leftover| !leftover.labels.is_empty());
    if found.is_empty() {
        return Err(DriverError::TaskNotFound);
    }
    for leftover in found {
        remove(&context, &known, &id, &leftover, force).await?;
        tracing::info!(task = %id, container = %leftover.id, "removed what was left of an unknown task");
    }
    Ok(())
}

async fn remove(
    context: &Context,
    known: &Known,
    id: &TaskId,
    leftover: &Leftover,
    force: bool,
) -> Result<(), DriverError> {
    let _lock = known.locks.take(&leftover.id).await;
    // A start of this very task, or of its successor, may just have ended.
    if let Some(task) = known.tasks.find(id) {
        destroy::destroy(&task, force).await?;
        known.tasks.remove(&task);
        return Ok(());
    }
    if known.tasks.in_container(&leftover.id).is_some() {
        return Ok(());
    }
    let state = context.ports.task_state(&leftover.id).await?;
    if !force && matches!(state, TaskState::Running { .. }) {
        return Err(DriverError::StillRunning(id.to_string()));
    }
    if context.kept_snapshots.contains(&leftover.id) {
        if matches!(state, TaskState::Absent) {
            // The record keeps the file system from containerd's collector until the next start.
            return leftover.remove_files(context).await;
        }
        context.kept_snapshots.take(&leftover.id);
    }
    leftover.remove(context).await
}
