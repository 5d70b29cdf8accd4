//! Destroying: nothing of the task is left, or the error says what and the work goes on when the daemon is back.

use std::sync::Arc;

use crate::error::DriverError;
use crate::stop;
use crate::task::{Phase, Task};

/// Ends the task if need be and removes container, snapshot and files.
pub(crate) async fn destroy(task: &Arc<Task>, force: bool) -> Result<(), DriverError> {
    match task.phase() {
        Phase::Running if !force => return Err(DriverError::StillRunning(task.id.to_string())),
        Phase::Running => stop::kill(task).await?,
        Phase::Exited(_) => {}
        Phase::Destroyed(_) => return Ok(()),
    }
    remove(task).await
}

/// Removes what the daemon and the driver keep of an ended task.
pub(crate) async fn remove(task: &Arc<Task>) -> Result<(), DriverError> {
    task.context.ports.purge(&task.container).await?;
    task.context.files.remove_task(&task.container)?;
    task.destroyed();
    Ok(())
}

/// Finishes a destruction that the daemon's absence interrupted; ends with success or a failure of another kind.
pub(crate) async fn finish_later(task: Arc<Task>) {
    loop {
        task.context.connected().await;
        match destroy(&task, true).await {
            Err(DriverError::Containers(error)) if error.is_lost() => {}
            Err(error) => {
                return tracing::error!(task = %task.id, %error, "the destroyed task could not be removed");
            }
            Ok(()) => return tracing::info!(task = %task.id, "removed after containerd came back"),
        }
        tokio::task::yield_now().await;
    }
}
