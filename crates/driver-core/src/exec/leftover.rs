//! Execs that nobody attends any more: of a process of the driver that was killed, or cut by the daemon's absence.

use std::sync::Arc;

use crate::error::DriverError;
use crate::node::back_off::BackOff;
use crate::ports::ContainersError;
use crate::request::signal::Signal;
use crate::running::task::{Phase, Task};

/// Ends what earlier processes of the driver left in a task that this one takes up: the task's next owner is also
/// the owner of its execs. The directory of an exec carries its id and outlives the process that made it.
pub(crate) async fn sweep(task: &Arc<Task>) {
    let container = task.container.clone();
    match task.context.on_files(move |files| files.execs(&container)).await {
        Ok(ids) => ids.into_iter().for_each(|id| end_later(task, id)),
        Err(error) => {
            tracing::warn!(task = %task.id, error = crate::chain(&error), "left execs can not be looked for");
        }
    }
}

/// Ends an exec without anybody waiting for it.
pub(crate) fn end_later(task: &Arc<Task>, id: String) {
    let task = Arc::clone(task);
    tokio::spawn(async move {
        match end(&task, &id).await {
            Ok(()) => tracing::info!(task = %task.id, exec = id, "a left exec was ended"),
            // What ends with its task is removed with it.
            Err(_) if task.phase() != Phase::Running => {}
            Err(error) => tracing::warn!(
                task = %task.id, exec = id, error = crate::chain(&error), "a left exec could not be ended"
            ),
        }
    });
}

/// Removes the exec's own directory, its FIFOs with it.
pub(super) async fn remove_directory(task: &Task, id: &str) -> Result<(), DriverError> {
    let (container, id) = (task.container.clone(), id.to_owned());
    task.context.on_files(move |files| files.remove_exec(&container, &id)).await
}

async fn end(task: &Task, id: &str) -> Result<(), DriverError> {
    let mut back_off = BackOff::default();
    while let Err(error) = kill_and_delete(task, id).await {
        if !error.is_lost() || task.phase() != Phase::Running {
            return Err(error.into());
        }
        task.context.connected().await;
        back_off.pause().await;
    }
    remove_directory(task, id).await
}

/// An exec without a process, not yet or not any more, can only be deleted; one with a process only after its end.
async fn kill_and_delete(task: &Task, id: &str) -> Result<(), ContainersError> {
    match close_and_delete(task, id).await {
        Err(error) if !error.is_lost() => tracing::debug!(exec = id, %error, "a left exec is to be killed"),
        deleted => return deleted,
    }
    let (ports, container) = (&task.context.ports, &task.container);
    ports.kill_exec(container, id, Signal::KILL.number()).await?;
    match ports.wait_exec(container, id).await {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    close_and_delete(task, id).await
}

async fn close_and_delete(task: &Task, id: &str) -> Result<(), ContainersError> {
    let (ports, container) = (&task.context.ports, &task.container);
    // An exec without an input, or one that is gone, has none to close.
    if let Err(error) = ports.close_exec_stdin(container, id).await {
        tracing::debug!(exec = id, %error, "the input of a left exec is not closed");
    }
    ports.delete_exec(container, id).await
}
