//! The calls about one task.

use crate::driver::client::DriverClient;
use crate::driver::error::DriverError;
use crate::driver::events::Subscription;
use crate::driver::exec::ExecResult;
use crate::driver::types::{TaskExit, TaskInspection, to_wire};
use nomad_proto::pb::driver::{
    DestroyTaskRequest, ExecTaskRequest, InspectTaskRequest, RecoverTaskRequest, SignalTaskRequest,
    StartTaskRequest, StopTaskRequest, TaskConfig, TaskHandle, TaskStats, TaskStatsRequest, WaitTaskRequest,
};
use std::time::Duration;

impl DriverClient {
    /// Starts a task and gives back its handle, checked as a client does: version, configuration
    /// and state are there.
    ///
    /// # Errors
    /// The driver refuses; [`DriverError::is_recoverable`] tells whether a retry may help.
    pub async fn start_task(&self, task: &TaskConfig) -> Result<TaskHandle, DriverError> {
        const CALL: &str = "StartTask";
        let request = StartTaskRequest { task: Some(task.clone()) };
        let answer = self.raw().start_task(request).await;
        let answer = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        let missing = |field| DriverError::Incomplete { call: CALL, field };
        let handle = answer.handle.ok_or_else(|| missing("handle"))?;
        match &handle {
            TaskHandle { version: 0, .. } => Err(missing("handle.version")),
            TaskHandle { config: None, .. } => Err(missing("handle.config")),
            _ => Ok(handle),
        }
    }

    /// Waits until a task has ended; returns at once for one that has.
    ///
    /// # Errors
    /// The task is not known, or the plugin is gone.
    pub async fn wait_task(&self, task_id: &str) -> Result<TaskExit, DriverError> {
        const CALL: &str = "WaitTask";
        let answer = self.raw().wait_task(WaitTaskRequest { task_id: task_id.to_owned() }).await;
        let answer = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        TaskExit::from_result(CALL, answer.result)
    }

    /// Stops a task: sends the signal (empty: the driver's choice) and SIGKILL after the timeout.
    /// Returns when the task is dead.
    ///
    /// # Errors
    /// The task is not known, the signal is not valid, or the plugin is gone.
    pub async fn stop_task(&self, task_id: &str, timeout: Duration, signal: &str) -> Result<(), DriverError> {
        let request = StopTaskRequest {
            task_id: task_id.to_owned(),
            timeout: Some(to_wire(timeout)),
            signal: signal.to_owned(),
        };
        let answer = self.raw().stop_task(request).await;
        answer.map(|_| ()).map_err(|status| DriverError::from_status("StopTask", status))
    }

    /// Removes a task and everything of it. Clients always force.
    ///
    /// # Errors
    /// It still runs and `force` is false, it is not known, or the plugin is gone.
    pub async fn destroy_task(&self, task_id: &str, force: bool) -> Result<(), DriverError> {
        let request = DestroyTaskRequest { task_id: task_id.to_owned(), force };
        let answer = self.raw().destroy_task(request).await;
        answer.map(|_| ()).map_err(|status| DriverError::from_status("DestroyTask", status))
    }

    /// Takes up a task again after a restart, as a client does: the task's id in the request stays
    /// empty, and the handle carries no driver configuration.
    ///
    /// # Errors
    /// The task cannot be found again.
    pub async fn recover_task(&self, handle: &TaskHandle) -> Result<(), DriverError> {
        let request = RecoverTaskRequest { task_id: String::new(), handle: Some(handle.clone()) };
        let answer = self.raw().recover_task(request).await;
        answer.map(|_| ()).map_err(|status| DriverError::from_status("RecoverTask", status))
    }

    /// What the driver knows about a task.
    ///
    /// # Errors
    /// The task is not known, or the answer lacks a part.
    pub async fn inspect_task(&self, task_id: &str) -> Result<TaskInspection, DriverError> {
        let answer = self.raw().inspect_task(InspectTaskRequest { task_id: task_id.to_owned() }).await;
        let answer = answer.map_err(|status| DriverError::from_status("InspectTask", status))?;
        TaskInspection::from_response(answer.into_inner())
    }

    /// Follows what a task uses.
    ///
    /// # Errors
    /// The task is not known.
    pub async fn task_stats(
        &self,
        task_id: &str,
        interval: Duration,
    ) -> Result<Subscription<TaskStats>, DriverError> {
        const CALL: &str = "TaskStats";
        let request =
            TaskStatsRequest { task_id: task_id.to_owned(), collection_interval: Some(to_wire(interval)) };
        let answer = self.raw().task_stats(request).await;
        let stream = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        Ok(Subscription::new(CALL, stream, |response| {
            response.stats.ok_or(DriverError::Incomplete { call: CALL, field: "stats" })
        }))
    }

    /// Sends a signal by its name.
    ///
    /// # Errors
    /// The task or the signal is not known.
    pub async fn signal_task(&self, task_id: &str, signal: &str) -> Result<(), DriverError> {
        let request = SignalTaskRequest { task_id: task_id.to_owned(), signal: signal.to_owned() };
        let answer = self.raw().signal_task(request).await;
        answer.map(|_| ()).map_err(|status| DriverError::from_status("SignalTask", status))
    }

    /// Runs a command inside a task and returns what it printed.
    ///
    /// # Errors
    /// The task is not known, the command cannot be started, or it took longer than `timeout`.
    pub async fn exec_task<S: Into<String>>(
        &self,
        task_id: &str,
        command: impl IntoIterator<Item = S>,
        timeout: Duration,
    ) -> Result<ExecResult, DriverError> {
        const CALL: &str = "ExecTask";
        let request = ExecTaskRequest {
            task_id: task_id.to_owned(),
            command: command.into_iter().map(Into::into).collect(),
            timeout: Some(to_wire(timeout)),
        };
        let answer = self.raw().exec_task(request).await;
        let answer = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        let exit = TaskExit::from_result(CALL, answer.result)?;
        Ok(ExecResult { stdout: answer.stdout, stderr: answer.stderr, exit })
    }
}
