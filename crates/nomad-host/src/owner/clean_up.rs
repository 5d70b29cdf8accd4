//! Cleans up after an owner that was killed.

use crate::alloc::{AllocError, CgroupsError, cgroups_remove, remove_tree};
use crate::driver::{DriverClient, DriverError, Health};
use crate::owner::record::{PluginRecord, Record, RecordError, TaskRecord};
use crate::owner::store::{DeadOwner, OwnerError};
use crate::plugin::{PluginConnection, PluginError, PluginOptions, PluginProcess};
use linux_host::fifo;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// The time for one call; a driver bounds its own work, and this is the backstop.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The time a driver has to find what it runs tasks with.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// What was found and what could not be cleaned up. With faults the record stays for the next time.
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
    /// The plugin does not take the recorded configuration.
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
    /// The record.
    #[error("the record of an earlier run is damaged")]
    Record(#[from] RecordError),
    /// The allocation's directory.
    #[error("the allocation of an earlier run cannot be removed")]
    Alloc(#[from] AllocError),
    /// The cgroups.
    #[error("the cgroups of an earlier run cannot be removed")]
    Cgroups(#[from] CgroupsError),
    /// The record's own directory.
    #[error("the record of an earlier run cannot be removed")]
    Owner(#[from] OwnerError),
}

/// Destroys the tasks of a dead owner and removes its directories, cgroups and record.
///
/// The owner's plugin may have outlived it and knows tasks whose start was never acknowledged, so
/// it is asked first and then ended. What is left is looked for through a new plugin with the
/// recorded configuration.
pub async fn clean_up(owner: DeadOwner, plugin: PluginOptions) -> CleanUpReport {
    let mut report = CleanUpReport::default();
    let mut left: Vec<&TaskRecord> = owner.record.tasks.iter().collect();
    if let Some(old) = &owner.record.plugin {
        end_plugin(old, &mut left, &mut report).await;
    }
    if !left.is_empty()
        && let Err(fault) = destroy_tasks(&owner.record, &left, plugin, &mut report).await
    {
        report.faults.push(fault);
    }
    if report.faults.is_empty()
        && let Err(fault) = remove_rest(owner)
    {
        report.faults.push(fault);
    }
    report
}

/// Uses the plugin that the owner left, if it still runs, and ends it.
async fn end_plugin(old: &PluginRecord, left: &mut Vec<&TaskRecord>, report: &mut CleanUpReport) {
    if let Some(process) = old.open() {
        let used = async {
            let Ok(connection) = PluginConnection::open(&old.socket).await else { return };
            let driver = connection.driver();
            let mut missed = Vec::new();
            for task in left.iter() {
                match destroy_known(&driver, task).await {
                    Ok(()) => report.tasks.push(task.id.clone()),
                    Err(_) => missed.push(*task),
                }
            }
            *left = missed;
            connection.request_shutdown().await;
        };
        // A plugin that hangs is ended all the same, and its tasks are looked for again.
        let _ = timeout(CALL_LIMIT, used).await;
        // Fails only for a process that has ended meanwhile.
        let _ = process.kill();
    }
    // A plugin that is killed leaves its socket.
    if old.socket.symlink_metadata().is_ok_and(|found| found.file_type().is_socket()) {
        let _ = std::fs::remove_file(&old.socket);
    }
}

/// Destroys a task of a plugin that knows it. One that is still being started is waited for first:
/// a driver takes a repeated start of the same task for a question about the first one. The log
/// pipes have a reader meanwhile, or the start would wait for it.
async fn destroy_known(driver: &DriverClient, task: &TaskRecord) -> Result<(), CleanUpFault> {
    let failed = |source| CleanUpFault::Task { id: task.id.clone(), source };
    match (driver.destroy_task(&task.id, true).await, task.start()?) {
        (Err(error), Some(config)) if !error.is_disconnected() => {
            let open = |path: &str| fifo::open_read(Path::new(path)).ok();
            let readers = [open(&config.stdout_path), open(&config.stderr_path)];
            driver.start_task(&config).await.map_err(failed)?;
            let destroyed = driver.destroy_task(&task.id, true).await;
            drop(readers);
            destroyed.map_err(failed)
        }
        (result, _) => result.map_err(failed),
    }
}

async fn destroy_tasks(
    record: &Record,
    left: &[&TaskRecord],
    options: PluginOptions,
    report: &mut CleanUpReport,
) -> Result<(), CleanUpFault> {
    let plugin = PluginProcess::start(options).await?;
    let driver = plugin.driver();
    let ready = make_ready(&driver, record).await;
    if ready.is_ok() {
        for task in left {
            match timeout(CALL_LIMIT, destroy_task(&driver, task)).await {
                Ok(Ok(true)) => report.tasks.push(task.id.clone()),
                Ok(Ok(false)) => {}
                Ok(Err(fault)) => report.faults.push(fault),
                Err(_) => report.faults.push(CleanUpFault::Slow { id: task.id.clone() }),
            }
        }
    }
    plugin.shutdown().await;
    ready
}

/// Without what it runs tasks with, a driver would not find any and that would look like success.
async fn make_ready(driver: &DriverClient, record: &Record) -> Result<(), CleanUpFault> {
    let config = record.plugin_config()?;
    driver.set_config(config).await.map_err(CleanUpFault::Configuration)?;
    let found = driver.wait_healthy(READY_LIMIT).await.map_err(CleanUpFault::Configuration)?;
    match found.health {
        Health::Healthy => Ok(()),
        Health::Undetected | Health::Unhealthy => Err(CleanUpFault::NotReady(found.description)),
    }
}

/// Whether the task was found. One that the driver does not find any more is gone.
async fn destroy_task(driver: &DriverClient, task: &TaskRecord) -> Result<bool, CleanUpFault> {
    let failed = |source| CleanUpFault::Task { id: task.id.clone(), source };
    match driver.recover_task(&task.handle()?).await {
        Ok(()) => driver.destroy_task(&task.id, true).await.map(|()| true).map_err(failed),
        Err(error) if error.is_disconnected() || error.is_recoverable() => Err(failed(error)),
        Err(_) => match driver.destroy_task(&task.id, true).await {
            Err(error) if error.is_disconnected() => Err(failed(error)),
            _ => Ok(false),
        },
    }
}

fn remove_rest(owner: DeadOwner) -> Result<(), CleanUpFault> {
    if let Some(directory) = &owner.record.alloc_dir {
        remove_tree(directory)?;
    }
    cgroups_remove(&owner.record.cgroups)?;
    owner.close()?;
    Ok(())
}
