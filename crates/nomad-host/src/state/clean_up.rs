//! Cleans up after a run that was killed.

use crate::alloc::{AllocError, CgroupsError, TaskCgroups, remove_tree};
use crate::driver::{DriverClient, DriverError, Health};
use crate::plugin::{PluginError, PluginOptions, PluginProcess, end_plugins_in};
use crate::state::error::StateError;
use crate::state::run_dir::RunDir;
use crate::state::state_dir::StateDir;
use nomad_proto::cty::Value;
use std::time::Duration;
use tokio::time::timeout;

/// The time for one call; a driver bounds its own work, and this is the backstop.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The time a driver has to find what it runs tasks with.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// What was found and what could not be cleaned up. With faults the run's directory stays for the next time.
#[derive(Debug, Default)]
pub struct CleanUpReport {
    /// The ids of the tasks that were found and destroyed.
    pub tasks: Vec<String>,
    /// What failed.
    pub faults: Vec<CleanUpFault>,
}

/// One thing that could not be cleaned up.
#[derive(Debug, thiserror::Error)]
pub enum CleanUpFault {
    /// No plugin to clean up with.
    #[error("a plugin to clean up with cannot be started")]
    Plugin(#[from] PluginError),
    /// The plugin does not take the configuration.
    #[error("the plugin does not take the configuration of the earlier run")]
    Configuration(#[source] DriverError),
    /// The driver cannot look for tasks now.
    #[error("the tasks of an earlier run cannot be looked for: {0}")]
    NotReady(String),
    /// A task is still there.
    #[error("task {id} of an earlier run cannot be removed")]
    Task {
        /// The task's id.
        id: String,
        /// Why.
        source: DriverError,
    },
    /// A call took too long.
    #[error("removing task {id} of an earlier run took longer than {} s", CALL_LIMIT.as_secs())]
    Slow {
        /// The task's id.
        id: String,
    },
    /// The run's directory.
    #[error("what an earlier run has written down cannot be used")]
    State(#[from] StateError),
    /// The allocation's directory.
    #[error("the allocation of an earlier run cannot be removed")]
    Alloc(#[from] AllocError),
    /// The cgroups.
    #[error("the cgroups of an earlier run cannot be removed")]
    Cgroups(#[from] CgroupsError),
}

/// Ends the plugins of a dead run, destroys its tasks by their ids through a plugin of its own, and removes its
/// cgroups and directories.
pub async fn clean_up(state: &StateDir, run: RunDir, plugin: PluginOptions) -> CleanUpReport {
    let mut report = CleanUpReport::default();
    // They may be in the middle of a start, whose task would come after its destruction.
    end_plugins_in(run.path()).await;
    if let Err(fault) = destroy_tasks(&run, plugin, &mut report).await {
        report.faults.push(fault);
    }
    if report.faults.is_empty() {
        let alloc = state.allocs().join(run.alloc_id());
        let removed = tokio::task::spawn_blocking(move || {
            TaskCgroups::remove_left_on_v2(&run.alloc_id())?;
            remove_tree(&alloc)?;
            run.close()?;
            Ok(())
        });
        report.faults.extend(removed.await.ok().and_then(Result::err));
    }
    report
}

async fn destroy_tasks(
    run: &RunDir,
    options: PluginOptions,
    report: &mut CleanUpReport,
) -> Result<(), CleanUpFault> {
    let tasks = run.tasks()?;
    if tasks.is_empty() {
        return Ok(());
    }
    let place = run.place()?;
    let plugin = PluginProcess::start(options.socket_dir(run.path())).await?;
    let driver = plugin.driver();
    let place = place.into_iter().map(|(name, value)| (name, Value::from(value.as_str())));
    let ready = make_ready(&driver, Value::Map(place.collect())).await;
    if ready.is_ok() {
        for id in tasks {
            match timeout(CALL_LIMIT, driver.destroy_task(&id, true)).await {
                Ok(Ok(())) => report.tasks.push(id),
                // It was never made, or is gone.
                Ok(Err(DriverError::UnknownTask { .. })) => {}
                Ok(Err(source)) => report.faults.push(CleanUpFault::Task { id, source }),
                Err(_) => report.faults.push(CleanUpFault::Slow { id }),
            }
        }
    }
    plugin.shutdown().await;
    ready
}

/// Without what it runs tasks with, a driver would not find any and that would look like success.
async fn make_ready(driver: &DriverClient, config: Value) -> Result<(), CleanUpFault> {
    driver.configure(&config).await.map_err(CleanUpFault::Configuration)?;
    let found = driver.wait_healthy(READY_LIMIT).await.map_err(CleanUpFault::Configuration)?;
    match found.health {
        Health::Healthy => Ok(()),
        Health::Undetected | Health::Unhealthy => Err(CleanUpFault::NotReady(found.description)),
    }
}
