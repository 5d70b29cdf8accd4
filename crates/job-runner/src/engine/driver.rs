//! What the engine needs done to a task.

use crate::jobfile::Task;
use nomad_host::driver::TaskExit;
use std::error::Error;
use std::future::Future;

/// Something could not be done to a task.
#[derive(Debug)]
pub struct DriverFault {
    /// What and why; shown with its whole chain.
    pub source: Box<dyn Error + Send + Sync>,
    /// Whether trying again may help.
    pub recoverable: bool,
}

impl DriverFault {
    /// A fault that trying again does not mend.
    pub fn lasting(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into(), recoverable: false }
    }
}

/// Carries out what the engine decides. Calls about one task come one after the other, except
/// that a task may be stopped or killed while it is waited for.
pub trait TaskDriver: Send + Sync + 'static {
    /// Starts the task. When it fails, nothing of this start is left.
    fn start(&self, task: &Task) -> impl Future<Output = Result<(), DriverFault>> + Send;

    /// Waits until the started task has ended.
    fn wait(&self, task: &Task) -> impl Future<Output = Result<TaskExit, DriverFault>> + Send;

    /// Asks the task to end as its job file says, and makes it end after its time. Returns when
    /// it has ended.
    fn stop(&self, task: &Task) -> impl Future<Output = Result<(), DriverFault>> + Send;

    /// Ends the task at once.
    fn kill(&self, task: &Task) -> impl Future<Output = Result<(), DriverFault>> + Send;

    /// Removes what is left of a task that has ended; its last lines were shown then.
    fn destroy(&self, task: &Task) -> impl Future<Output = Result<(), DriverFault>> + Send;
}
