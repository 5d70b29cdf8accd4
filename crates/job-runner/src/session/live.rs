//! The engine's driver over a real plugin.

use crate::engine::{DriverFault, TaskDriver};
use crate::jobfile::{Network, Task};
use crate::screen::{Screen, TaskChange};
use crate::session::error::RunError;
use crate::session::plugin::Plugin;
use crate::session::stats::MemoryPeaks;
use crate::session::task_start::{Common, PrepareError, Prepared, prepare};
use nomad_host::alloc::{Allocation, TaskCgroups};
use nomad_host::driver::{DriverClient, TaskExit, TaskHandle};
use nomad_host::logs::LogPipes;
use nomad_host::state::RunDir;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, block_in_place};

/// The time that a dead task's last writer has to close its log pipe.
const LOG_GRACE: Duration = Duration::from_secs(5);

/// A task's part of the plan that is made before anything starts.
pub(super) struct TaskPlan {
    /// The encoded `config` block.
    pub(super) config: Vec<u8>,
    /// Its reserved cores, such as `0,1`, or empty.
    pub(super) cpus: String,
}

/// Runs tasks of one allocation.
pub(super) struct LiveDriver {
    pub(super) plugin: Plugin,
    pub(super) alloc: Allocation,
    pub(super) network: Network,
    pub(super) plans: HashMap<String, TaskPlan>,
    pub(super) run: RunDir,
    pub(super) screen: Arc<dyn Screen>,
    pub(super) peaks: MemoryPeaks,
    pub(super) running: Mutex<HashMap<String, Running>>,
}

/// A task that was started.
pub(super) struct Running {
    task_id: String,
    pipes: Option<LogPipes>,
    cgroups: TaskCgroups,
    stats: AbortHandle,
}

impl From<RunError> for DriverFault {
    fn from(error: RunError) -> Self {
        let recoverable = matches!(&error, RunError::Driver(error) if error.is_recoverable());
        Self { source: Box::new(error), recoverable }
    }
}

impl From<PrepareError> for DriverFault {
    fn from(error: PrepareError) -> Self {
        Self::lasting(error)
    }
}

/// The task was not started.
#[derive(Debug, thiserror::Error)]
#[error("the task does not run")]
struct NotRunning;

impl LiveDriver {
    fn task_id(&self, task: &Task) -> Result<String, DriverFault> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let found = running.get(&task.name).map(|running| running.task_id.clone());
        found.ok_or_else(|| DriverFault::lasting(NotRunning))
    }

    async fn start_prepared(&self, prepared: &Prepared) -> Result<TaskHandle, DriverFault> {
        let connection = self.plugin.now()?;
        match connection.driver.start_task(&prepared.config).await {
            Ok(handle) => Ok(handle),
            Err(error) => {
                if error.is_disconnected() {
                    // What the dead plugin began is replaced when the task is started again.
                    self.plugin.after(&connection).await?;
                    return Err(DriverFault { source: Box::new(error), recoverable: true });
                }
                let recoverable = error.is_recoverable();
                Err(DriverFault { source: Box::new(error), recoverable })
            }
        }
    }

    /// Gives back what the client's side holds. Faults are shown: the task itself is gone.
    async fn release(&self, task: &str, task_id: &str, pipes: Option<LogPipes>, cgroups: &TaskCgroups) {
        if let Some(pipes) = pipes
            && let Err(error) = pipes.finish(LOG_GRACE).await
        {
            self.screen.task(task, TaskChange::Fault(crate::chain::chain(&error)));
        }
        if let Err(error) = cgroups.remove() {
            self.screen.task(task, TaskChange::Fault(crate::chain::chain(&error)));
        }
        self.plugin.forget(task_id);
        if let Err(error) = self.run.remove_task(task_id) {
            self.screen.warning(&crate::chain::chain(&error));
        }
    }
}

impl TaskDriver for LiveDriver {
    async fn start(&self, task: &Task) -> Result<(), DriverFault> {
        let plan = self.plans.get(&task.name).ok_or_else(|| DriverFault::lasting(NotRunning))?;
        let common = Common { alloc: &self.alloc, network: &self.network, screen: &self.screen };
        let prepared = block_in_place(|| {
            let prepared = prepare(&common, task, plan.config.clone(), &plan.cpus)?;
            // Before the start, for the case that this process is killed during it.
            self.run.add_task(&prepared.config.id).map_err(RunError::from)?;
            Ok::<_, DriverFault>(prepared)
        })?;
        let task_id = prepared.config.id.clone();
        match self.start_prepared(&prepared).await {
            Ok(handle) => {
                self.plugin.remember(&task_id, handle);
                let driver = self.plugin.now()?.driver;
                let stats = self.peaks.follow(driver, task.name.clone(), task_id.clone());
                let Prepared { pipes, cgroups, .. } = prepared;
                let running = Running { task_id, pipes, cgroups, stats };
                let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(task.name.clone(), running);
                Ok(())
            }
            Err(fault) => {
                self.release(&task.name, &task_id, prepared.pipes, &prepared.cgroups).await;
                Err(fault)
            }
        }
    }

    async fn wait(&self, task: &Task) -> Result<TaskExit, DriverFault> {
        let task_id = self.task_id(task)?;
        let call = |driver: DriverClient| {
            let task_id = task_id.clone();
            async move { driver.wait_task(&task_id).await }
        };
        Ok(self.plugin.call(call).await?)
    }

    async fn stop(&self, task: &Task) -> Result<(), DriverFault> {
        let task_id = self.task_id(task)?;
        let call = |driver: DriverClient| {
            let task_id = task_id.clone();
            async move { driver.stop_task(&task_id, task.kill_timeout, &task.kill_signal).await }
        };
        Ok(self.plugin.call(call).await?)
    }

    /// By a signal: a second stop would only join the one that is under way.
    async fn kill(&self, task: &Task) -> Result<(), DriverFault> {
        let task_id = self.task_id(task)?;
        let call = |driver: DriverClient| {
            let task_id = task_id.clone();
            async move { driver.signal_task(&task_id, "SIGKILL").await }
        };
        Ok(self.plugin.call(call).await?)
    }

    async fn destroy(&self, task: &Task) -> Result<(), DriverFault> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&task.name);
        let Some(Running { task_id, pipes, cgroups, stats }) = running else {
            return Err(DriverFault::lasting(NotRunning));
        };
        stats.abort();
        let call = |driver: DriverClient| {
            let task_id = task_id.clone();
            async move { driver.destroy_task(&task_id, true).await }
        };
        match self.plugin.call(call).await {
            Ok(()) => {
                self.release(&task.name, &task_id, pipes, &cgroups).await;
                Ok(())
            }
            // The run's directory keeps the task for the next run.
            Err(error) => Err(error.into()),
        }
    }
}
