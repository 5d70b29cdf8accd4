//! The world of one test: how it is made, what it offers, how it is taken away.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nomad_host::alloc::Allocation;
use nomad_host::driver::{DriverClient, DriverError, TaskHandle};
use nomad_proto::cty::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::leftovers;
use crate::plugin::Plugin;
use crate::proxy::Proxy;
use crate::runner::say;
use crate::task::TaskSetup;
use crate::wait::limited;

/// How many lines of the plugin's log a failed test shows.
const SHOWN: usize = 40;

/// What a test wants to be different.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    own_daemon: bool,
    proxied: bool,
    config: Vec<(String, Value)>,
    env: Vec<(String, String)>,
}

impl Setup {
    /// A containerd of the test's own, which it may kill.
    pub fn own_daemon() -> Self {
        Self { own_daemon: true, ..Self::default() }
    }

    /// With a proxy between plugin and containerd.
    pub fn proxied(self) -> Self {
        Self { proxied: true, ..self }
    }

    /// One option of the plugin.
    pub fn config(name: &str, value: impl Into<Value>) -> Self {
        Self::default().and(name, value)
    }

    /// A variable of the plugin's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more option of the plugin.
    pub fn and(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.config.push((name.to_owned(), value.into()));
        self
    }
}

/// A plugin, a containerd and an allocation for one test. Clones share them.
#[derive(Debug, Clone)]
pub struct World(Arc<Shared>);

/// What the world and its tasks share.
#[derive(Debug)]
pub struct Shared {
    daemon: Arc<Daemon>,
    base: TempDir,
    proxy: Option<Arc<Proxy>>,
    config: Value,
    env: Vec<(String, String)>,
    plugin: Mutex<Option<Plugin>>,
    allocs: Mutex<Vec<Arc<Allocation>>>,
    handles: Mutex<Vec<TaskHandle>>,
}

impl Shared {
    /// The containerd.
    pub fn daemon(&self) -> &Arc<Daemon> {
        &self.daemon
    }

    /// The calls of the plugin that runs now.
    pub fn driver(&self) -> DriverClient {
        lock(&self.plugin).as_ref().expect("no plugin runs").driver()
    }

    /// Keeps the handle of a task that is to be destroyed at the end.
    pub fn remember(&self, handle: &TaskHandle) {
        lock(&self.handles).push(handle.clone());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_unknown(result: &Result<(), DriverError>) -> bool {
    result.as_ref().is_err_and(|error| error.to_string() == "task not found for given id")
}

impl World {
    pub(crate) async fn create(setup: Setup) -> Self {
        let own = setup.own_daemon;
        let daemon = tokio::task::spawn_blocking(move || if own { Daemon::own() } else { Daemon::shared() });
        let daemon = daemon.await.unwrap();
        let base = tempfile::Builder::new().prefix("containerd-driver-e2e.").tempdir().unwrap();
        let upstream = &daemon.instance().address;
        let proxy = setup.proxied.then(|| Proxy::start(&base.path().join("containerd.sock"), upstream));
        let address = proxy.as_ref().map_or(upstream.as_path(), |proxy| proxy.socket());
        let mut config = vec![
            ("containerd_addr".to_owned(), address.display().to_string().into()),
            ("state_dir".to_owned(), base.path().join("state").display().to_string().into()),
        ];
        config.extend(setup.config);
        let world = Self(Arc::new(Shared {
            daemon,
            base,
            proxy,
            config: Value::Map(config.into_iter().collect()),
            env: setup.env,
            plugin: Mutex::new(None),
            allocs: Mutex::default(),
            handles: Mutex::default(),
        }));
        world.allocation();
        world.start_plugin().await;
        world
    }

    /// The containerd.
    pub fn daemon(&self) -> &Arc<Daemon> {
        &self.0.daemon
    }

    /// The proxy before it, in a world that is set up so.
    pub fn proxy(&self) -> &Arc<Proxy> {
        self.0.proxy.as_ref().expect("the world has no proxy")
    }

    /// What its tasks share with it.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// The plugin's configuration.
    pub fn config(&self) -> &Value {
        &self.0.config
    }

    /// The same with one option changed.
    pub fn config_with(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut entries = self.config().as_map().unwrap().clone();
        entries.insert(name.to_owned(), value.into());
        Value::Map(entries)
    }

    /// A directory of the test's own on the host.
    pub fn directory(&self) -> PathBuf {
        self.0.base.path().to_owned()
    }

    /// The driver's own directory.
    pub fn state_dir(&self) -> PathBuf {
        self.0.base.path().join("state")
    }

    /// What `ctr` prints in the driver's namespace.
    pub fn ctr(&self, arguments: &[&str]) -> String {
        self.daemon().ctr(arguments)
    }

    /// Begins a task in the test's first allocation.
    pub fn task(&self, name: &str) -> TaskSetup {
        let alloc = self.alloc();
        self.task_in(&alloc, name)
    }

    /// Begins a task in another allocation.
    pub fn task_in(&self, alloc: &Arc<Allocation>, name: &str) -> TaskSetup {
        TaskSetup::new(Arc::clone(&self.0), Arc::clone(alloc), name)
    }

    /// The test's first allocation.
    pub fn alloc(&self) -> Arc<Allocation> {
        Arc::clone(&lock(&self.0.allocs)[0])
    }

    /// A further allocation.
    pub fn allocation(&self) -> Arc<Allocation> {
        let alloc = Arc::new(Allocation::create(self.0.base.path()).unwrap());
        lock(&self.0.allocs).push(Arc::clone(&alloc));
        alloc
    }

    /// The calls of the plugin that runs now.
    pub fn driver(&self) -> DriverClient {
        self.0.driver()
    }

    /// The process id of the plugin that runs now.
    pub fn plugin_pid(&self) -> u32 {
        lock(&self.0.plugin).as_ref().expect("no plugin runs").process().pid()
    }

    /// Whether the plugin has logged a text.
    pub fn logged(&self, text: &str) -> bool {
        lock(&self.0.plugin).as_ref().expect("no plugin runs").log().contains(text)
    }

    /// Whether the plugin has logged a text in a line that names the subject.
    pub fn logged_of(&self, text: &str, subject: &str) -> bool {
        let plugin = lock(&self.0.plugin);
        let lines = plugin.as_ref().expect("no plugin runs").log().lines();
        lines.iter().any(|line| line.raw.contains(text) && line.raw.contains(subject))
    }

    /// Starts a plugin in the place of one that is gone.
    pub async fn start_plugin(&self) {
        let plugin = Plugin::configured_in(&self.0.env, &self.0.config).await;
        let earlier = lock(&self.0.plugin).replace(plugin);
        assert!(earlier.is_none(), "a plugin runs already");
    }

    /// Takes the plugin out of the world's hands.
    pub fn take_plugin(&self) -> Plugin {
        lock(&self.0.plugin).take().expect("no plugin runs")
    }

    /// Ends the plugin with SIGKILL.
    pub async fn kill_plugin(&self) {
        self.take_plugin().kill().await;
    }

    pub(crate) fn show_log(&self) {
        let plugin = lock(&self.0.plugin);
        let lines = plugin.as_ref().map(|plugin| plugin.log().lines()).unwrap_or_default();
        let skipped = lines.len().saturating_sub(SHOWN);
        lines.iter().skip(skipped).for_each(|line| say(&format!("plugin: {}", line.raw)));
    }

    /// Takes everything away and tells what should not have been there any more.
    pub(crate) async fn clean_up(&self) -> Vec<String> {
        let daemon = Arc::clone(self.daemon());
        let again = Arc::clone(&daemon);
        tokio::task::spawn_blocking(move || again.ensure_running()).await.unwrap();
        let mut left = self.destroy_tasks().await;
        left.extend(self.end_plugin().await);
        let (state, allocs) = (self.state_dir(), lock(&self.0.allocs).clone());
        let found = tokio::task::spawn_blocking(move || {
            let mut left = Vec::new();
            for alloc in &allocs {
                let found = leftovers::of(&daemon, &alloc.id, &state);
                leftovers::remove(&daemon, &found);
                left.extend(found);
                left.extend(alloc.remove().err().map(|error| error.to_string()));
            }
            left
        });
        left.extend(found.await.unwrap());
        left
    }

    async fn destroy_tasks(&self) -> Vec<String> {
        let alive = lock(&self.0.plugin).as_ref().is_some_and(|plugin| plugin.process().is_running());
        if !alive {
            lock(&self.0.plugin).take();
            self.start_plugin().await;
        }
        let driver = self.driver();
        let handles = lock(&self.0.handles).clone();
        let mut failures = Vec::new();
        // The last first: of several starts of one task it is the one whose container is there.
        for handle in handles.iter().rev() {
            let id = handle.config.as_ref().map(|config| config.id.clone()).unwrap_or_default();
            let mut destroyed = limited("DestroyTask", driver.destroy_task(&id, true)).await;
            if is_unknown(&destroyed) && limited("RecoverTask", driver.recover_task(handle)).await.is_ok() {
                destroyed = limited("DestroyTask", driver.destroy_task(&id, true)).await;
            }
            if !is_unknown(&destroyed) {
                failures.extend(destroyed.err().map(|error| format!("task {id}: {error}")));
            }
        }
        failures
    }

    async fn end_plugin(&self) -> Vec<String> {
        let plugin = self.take_plugin();
        let mut complaints = Vec::new();
        let unexpected = plugin.process().unexpected_stdout();
        if !unexpected.is_empty() {
            complaints.push(format!("text on stdout: {}", String::from_utf8_lossy(&unexpected)));
        }
        let status = plugin.shutdown().await;
        if !status.is_some_and(|status| status.success()) {
            complaints.push(format!("a plugin that did not end by itself: {status:?}"));
        }
        complaints
    }
}
