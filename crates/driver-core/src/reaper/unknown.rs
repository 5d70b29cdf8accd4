//! Destroy of a task that this process does not know: after a recovery that failed, or a start that was cut.

use std::sync::Arc;

use super::Shared;
use super::traces::{self, Trace};
use crate::context::Context;
use crate::destroy;
use crate::error::DriverError;
use crate::ids::TaskId;
use crate::labels::{self, Labels};
use crate::ports::TaskState;

/// Removes all that carries the task's id.
///
/// # Errors
/// [`DriverError::TaskNotFound`] when nothing does.
pub(crate) async fn destroy(
    context: Arc<Context>,
    shared: Shared,
    id: TaskId,
    force: bool,
) -> Result<(), DriverError> {
    let mut wanted: Labels = labels::of_driver();
    wanted.insert(labels::TASK_ID.to_owned(), id.to_string());
    let mut traces = traces::find(&context, &wanted).await?;
    traces.retain(|trace| !trace.labels.is_empty());
    if traces.is_empty() {
        return Err(DriverError::TaskNotFound);
    }
    for trace in traces {
        remove(&context, &shared, &id, &trace, force).await?;
        tracing::info!(task = %id, container = %trace.id, "removed what was left of an unknown task");
    }
    Ok(())
}

async fn remove(
    context: &Context,
    shared: &Shared,
    id: &TaskId,
    trace: &Trace,
    force: bool,
) -> Result<(), DriverError> {
    let _turn = shared.turns.take(&trace.id).await;
    // A start of this very task, or of its successor, may just have ended.
    if let Some(task) = shared.tasks.find(id) {
        destroy::destroy(&task, force).await?;
        shared.tasks.remove(&task);
        return Ok(());
    }
    if shared.tasks.in_container(&trace.id).is_some() {
        return Ok(());
    }
    let state = context.ports.task_state(&trace.id).await?;
    if !force && matches!(state, TaskState::Running { .. }) {
        return Err(DriverError::StillRunning(id.to_string()));
    }
    if context.reusable.contains(&trace.id) {
        if matches!(state, TaskState::Absent) {
            // The record keeps the file system from containerd's collector until the next start.
            return trace.remove_files(context).await;
        }
        context.reusable.take(&trace.id);
    }
    trace.remove(context).await
}
