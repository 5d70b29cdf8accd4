//! The port's execs: further processes in a running task.

use async_trait::async_trait;
use oci_builder::Process;

use super::{ContainersError, Exit, Stdio};
use crate::request::ids::ContainerId;

/// A process that is to run in a task.
#[derive(Debug, Clone)]
pub struct NewExec {
    /// The task.
    pub container: ContainerId,
    /// The exec's own id, unique in the task.
    pub exec_id: String,
    /// The OCI process.
    pub process: Process,
    /// Its FIFOs.
    pub stdio: Stdio,
}

/// Execs of the daemon; an exec is addressed by its task's id and its own.
#[async_trait]
pub trait Execs: Send + Sync + 'static {
    /// Registers the exec, not started yet.
    ///
    /// # Errors
    /// [`ContainersError::NotFound`] when the task is gone.
    async fn create_exec(&self, new: NewExec) -> Result<(), ContainersError>;

    /// Starts it; gives its process id on the host. Blocks until the FIFOs are open at our end.
    ///
    /// # Errors
    /// [`ContainersError::Command`] when the program can not be executed.
    async fn start_exec(&self, id: &ContainerId, exec_id: &str) -> Result<u32, ContainersError>;

    /// Waits for its end, without a deadline; returns at once when it has ended and was not deleted.
    ///
    /// # Errors
    /// As for [`super::Containers::wait_task`].
    async fn wait_exec(&self, id: &ContainerId, exec_id: &str) -> Result<Exit, ContainersError>;

    /// Sends it a signal; gone is success.
    ///
    /// # Errors
    /// When the daemon can not be asked, or it was never started.
    async fn kill_exec(&self, id: &ContainerId, exec_id: &str, signal: i32) -> Result<(), ContainersError>;

    /// Sets the size of its terminal; it must be started.
    ///
    /// # Errors
    /// When the daemon can not be asked.
    async fn resize_exec(
        &self,
        id: &ContainerId,
        exec_id: &str,
        width: u32,
        height: u32,
    ) -> Result<(), ContainersError>;

    /// Closes the shim's own end of the exec's input, without which it never sees an end of file.
    ///
    /// # Errors
    /// When the daemon can not be asked.
    async fn close_exec_stdin(&self, id: &ContainerId, exec_id: &str) -> Result<(), ContainersError>;

    /// Deletes it; the shim first finishes copying its output, at most 2 s. Gone is success.
    ///
    /// # Errors
    /// When the daemon can not be asked, or it runs.
    async fn delete_exec(&self, id: &ContainerId, exec_id: &str) -> Result<(), ContainersError>;
}
