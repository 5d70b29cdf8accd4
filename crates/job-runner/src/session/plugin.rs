//! The plugin for the length of a run, as a Nomad client keeps one: when it dies it is started again, configured,
//! and told of the tasks that run.
//!
//! One task of the runtime owns the process. The others have the connection of now, and wait for the next one when
//! it is lost.

use crate::chain::chain;
use crate::screen::{Screen, TaskChange};
use crate::session::error::RunError;
use nomad_host::driver::{DriverClient, DriverError, TaskHandle};
use nomad_host::plugin::{PluginOptions, PluginProcess};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// How often a plugin that dies is started again during one run.
const REVIVALS: u64 = 5;

/// The tasks that a new plugin must be told of.
type Handles = Arc<Mutex<BTreeMap<String, TaskHandle>>>;

/// What a run sees of its plugin.
pub(super) struct Plugin {
    connection: watch::Receiver<Option<Connection>>,
    orders: mpsc::UnboundedSender<Order>,
    handles: Handles,
}

/// A connection to the plugin as it was at some moment.
#[derive(Clone)]
pub(super) struct Connection {
    number: u64,
    pub(super) driver: DriverClient,
}

/// What the owner of the process is told.
enum Order {
    /// The connection of this number gives no answers any more.
    Lost(u64),
    /// No task is left.
    Shutdown,
    /// Nobody waits for what it does.
    Kill,
}

impl Plugin {
    /// Takes over a plugin that was started and configured.
    pub(super) fn new(
        options: PluginOptions,
        config: Vec<u8>,
        process: PluginProcess,
        screen: Arc<dyn Screen>,
    ) -> Self {
        follow_events(process.driver(), screen.clone());
        let handles = Handles::default();
        let first = Connection { number: 0, driver: process.driver() };
        let (report, connection) = watch::channel(Some(first));
        let (orders, inbox) = mpsc::unbounded_channel();
        let owner = Owner { options, config, process, handles: handles.clone(), report, screen };
        tokio::spawn(owner.run(inbox));
        Self { connection, orders, handles }
    }

    /// The connection now.
    pub(super) fn now(&self) -> Result<Connection, RunError> {
        self.connection.borrow().clone().ok_or(RunError::PluginGone)
    }

    /// The connection after the one that was lost.
    pub(super) async fn after(&self, lost: &Connection) -> Result<Connection, RunError> {
        // The owner is gone only when the plugin is.
        let _ = self.orders.send(Order::Lost(lost.number));
        let mut connection = self.connection.clone();
        let other = |now: &Option<Connection>| now.as_ref().is_none_or(|now| now.number != lost.number);
        let now = connection.wait_for(other).await.map_err(|_| RunError::PluginGone)?;
        now.clone().ok_or(RunError::PluginGone)
    }

    /// Makes a call, and makes it again on a new plugin when the old one dies under it.
    pub(super) async fn call<T, F>(&self, make: impl Fn(DriverClient) -> F) -> Result<T, RunError>
    where
        F: Future<Output = Result<T, DriverError>>,
    {
        let mut connection = self.now()?;
        loop {
            match make(connection.driver.clone()).await {
                Err(error) if error.is_disconnected() => connection = self.after(&connection).await?,
                result => return Ok(result?),
            }
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

    /// Ends the plugin. With tasks that could not be destroyed it is killed in the middle of what it does.
    pub(super) async fn end(&self, tasks_left: bool) {
        let order = if tasks_left { Order::Kill } else { Order::Shutdown };
        // As above.
        let _ = self.orders.send(order);
        let mut connection = self.connection.clone();
        while connection.changed().await.is_ok() {}
    }
}

/// The owner of the process.
struct Owner {
    options: PluginOptions,
    config: Vec<u8>,
    process: PluginProcess,
    handles: Handles,
    report: watch::Sender<Option<Connection>>,
    screen: Arc<dyn Screen>,
}

impl Owner {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) {
        let mut number = 0;
        loop {
            let order = tokio::select! {
                order = inbox.recv() => order.unwrap_or(Order::Kill),
                _ = self.process.ended() => Order::Lost(number),
            };
            match order {
                Order::Lost(lost) if lost != number => {}
                Order::Lost(_) => {
                    // It may hang instead of being dead; two at once would share the tasks.
                    self.process.kill().await;
                    number += 1;
                    if !self.revive(number).await {
                        self.report.send_replace(None);
                        return;
                    }
                }
                Order::Shutdown => {
                    self.process.shutdown().await;
                    return;
                }
                Order::Kill => {
                    self.process.kill().await;
                    return;
                }
            }
        }
    }

    /// Whether there is a plugin again.
    async fn revive(&mut self, number: u64) -> bool {
        if number > REVIVALS {
            return false;
        }
        self.screen.warning("the driver's process has died and is started again");
        match self.start().await {
            Ok(process) => {
                follow_events(process.driver(), self.screen.clone());
                self.report.send_replace(Some(Connection { number, driver: process.driver() }));
                self.process = process;
                true
            }
            Err(error) => {
                self.screen.warning(&chain(&error));
                false
            }
        }
    }

    async fn start(&self) -> Result<PluginProcess, RunError> {
        let process = PluginProcess::start(self.options.clone()).await?;
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
