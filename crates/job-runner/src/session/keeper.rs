//! Keeps a plugin running for the length of a run, as a Nomad client does: one that dies is
//! started again, configured, and told of the tasks that run.

use crate::chain::chain;
use crate::screen::{Screen, TaskChange};
use crate::session::error::RunError;
use crate::session::ledger::Ledger;
use nomad_host::driver::{DriverClient, DriverError, TaskHandle};
use nomad_host::owner::PluginRecord;
use nomad_host::plugin::{PluginOptions, PluginProcess};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;

/// How often a plugin that dies is started again during one run.
const REVIVALS: u64 = 5;

/// The plugin and the tasks that it must know.
pub(super) struct Keeper {
    options: PluginOptions,
    config: Vec<u8>,
    current: AsyncMutex<Option<Current>>,
    handles: Mutex<BTreeMap<String, TaskHandle>>,
    ledger: Arc<Ledger>,
    screen: Arc<dyn Screen>,
}

struct Current {
    number: u64,
    process: PluginProcess,
}

/// A connection to the plugin as it was at some moment.
#[derive(Clone)]
pub(super) struct Seen {
    number: u64,
    pub(super) driver: DriverClient,
}

impl Keeper {
    /// Takes over a plugin that was started and configured.
    pub(super) fn new(
        options: PluginOptions,
        config: Vec<u8>,
        process: PluginProcess,
        ledger: Arc<Ledger>,
        screen: Arc<dyn Screen>,
    ) -> Self {
        follow_events(process.driver(), screen.clone());
        let current = AsyncMutex::new(Some(Current { number: 0, process }));
        Self { options, config, current, handles: Mutex::default(), ledger, screen }
    }

    /// The plugin now.
    pub(super) async fn now(&self) -> Result<Seen, RunError> {
        match &*self.current.lock().await {
            Some(current) => Ok(Seen { number: current.number, driver: current.process.driver() }),
            None => Err(gone()),
        }
    }

    /// Remembers a task that a new plugin must be told of.
    pub(super) fn remember(&self, task_id: &str, handle: TaskHandle) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).insert(task_id.to_owned(), handle);
    }

    /// Forgets a task.
    pub(super) fn forget(&self, task_id: &str) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).remove(task_id);
    }

    /// Makes a call, and makes it again on a new plugin when the old one dies under it.
    pub(super) async fn call<T, F>(&self, make: impl Fn(DriverClient) -> F) -> Result<T, RunError>
    where
        F: Future<Output = Result<T, DriverError>>,
    {
        let mut seen = self.now().await?;
        loop {
            match make(seen.driver.clone()).await {
                Err(error) if error.is_disconnected() => seen = self.revive(&seen).await?,
                result => return Ok(result?),
            }
        }
    }

    /// Starts a new plugin, unless somebody else did since `seen`.
    pub(super) async fn revive(&self, seen: &Seen) -> Result<Seen, RunError> {
        let mut slot = self.current.lock().await;
        let Some(current) = slot.as_ref() else { return Err(gone()) };
        if current.number == seen.number {
            let number = current.number + 1;
            if number > REVIVALS {
                slot.take();
                return Err(gone());
            }
            // It may hang instead of being dead; two at once would share the tasks.
            end(&current.process).await;
            self.screen.warning("the driver's process has died and is started again");
            let process = self.start().await?;
            follow_events(process.driver(), self.screen.clone());
            *slot = Some(Current { number, process });
        }
        match slot.as_ref() {
            Some(current) => Ok(Seen { number: current.number, driver: current.process.driver() }),
            None => Err(gone()),
        }
    }

    async fn start(&self) -> Result<PluginProcess, RunError> {
        let process = PluginProcess::start(self.options.clone()).await?;
        record(&process, &self.ledger);
        let driver = process.driver();
        driver.set_config(self.config.clone()).await?;
        let handles: Vec<TaskHandle> =
            self.handles.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for handle in handles {
            let name = handle.config.as_ref().map(|config| config.name.clone()).unwrap_or_default();
            if let Err(error) = driver.recover_task(&handle).await {
                self.screen.task(&name, TaskChange::Fault(format!("not found again: {}", chain(&error))));
            }
        }
        Ok(process)
    }

    /// Ends the plugin. Tasks must be gone by then.
    pub(super) async fn shutdown(&self) {
        if let Some(current) = self.current.lock().await.take() {
            current.process.shutdown().await;
        }
    }

    /// Ends the plugin in the middle of what it does.
    pub(super) async fn kill(&self) {
        if let Some(current) = self.current.lock().await.take() {
            end(&current.process).await;
        }
    }
}

/// A plugin that is killed leaves its socket.
async fn end(process: &PluginProcess) {
    process.kill().await;
    // It is a name in a temporary directory and harmless if it stays.
    let _ = std::fs::remove_file(process.socket());
}

fn gone() -> RunError {
    RunError::PluginGone
}

/// Writes down where the plugin is, so that it can be ended after this process was killed.
pub(super) fn record(process: &PluginProcess, ledger: &Ledger) {
    // A plugin that has ended already needs no record.
    if let Ok(plugin) = PluginRecord::new(process.pid(), process.socket().to_owned()) {
        ledger.update(|record| record.plugin = Some(plugin));
    }
}

/// Shows what the driver tells about tasks, for as long as the plugin lives.
fn follow_events(driver: DriverClient, screen: Arc<dyn Screen>) {
    tokio::spawn(async move {
        let Ok(mut events) = driver.task_events().await else { return };
        while let Ok(Some(event)) = events.next().await {
            screen.task(&event.task_name, TaskChange::Driver(event.message));
        }
    });
}
