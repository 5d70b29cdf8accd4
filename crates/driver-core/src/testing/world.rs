//! A driver over a daemon in memory.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use linux_host::process::{Exit, PidFd};

use super::base::{Base, Connect};
use super::fake::FakePort;
use crate::node::state_dir::StateDir;
use crate::request::config::PluginConfig;
use crate::request::ids::ContainerId;
use crate::request::task::TaskSpec;
use crate::{Driver, NodeCpu, TaskEvent, TaskHandle};

/// A driver over a daemon in memory, and the directories of one allocation.
pub(crate) struct World {
    pub(crate) port: Arc<FakePort>,
    pub(crate) driver: Driver,
    pub(crate) events: tokio::sync::broadcast::Receiver<TaskEvent>,
    pub(crate) dir: Base,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(FakePort::new())
    }

    pub(crate) fn over(port: FakePort) -> Self {
        let (port, dir) = (Arc::new(port), Base::new());
        for sub in ["alloc/logs", "web/local", "web/secrets"] {
            std::fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        let driver = driver(&port, &dir);
        Self { events: driver.events(), port, driver, dir }
    }

    pub(crate) fn spec(&self, args: &[&str]) -> TaskSpec {
        let mut spec = crate::testing::spec("web");
        spec.options.entrypoint = args.iter().map(|arg| (*arg).to_owned()).collect();
        spec.dirs.shared = self.dir.path().join("alloc");
        spec.dirs.local = self.dir.path().join("web/local");
        spec.dirs.secrets = self.dir.path().join("web/secrets");
        spec
    }

    pub(crate) async fn start(&self, args: &[&str]) -> TaskHandle {
        self.driver.start_task(self.spec(args)).await.unwrap()
    }

    /// Whether an exec of the container has a directory.
    pub(crate) fn has_execs(&self, container: &ContainerId) -> bool {
        let files = StateDir::new(&self.dir.path().join("state"));
        !files.execs(container).unwrap().is_empty()
    }

    /// Waits for the event with this text.
    pub(crate) async fn told(&mut self, text: &str) {
        let told = async { while !self.events.recv().await.unwrap().message.contains(text) {} };
        tokio::time::timeout(Duration::from_secs(3600), told)
            .await
            .unwrap_or_else(|_| panic!("not told: {text}"));
    }
}

/// A driver over the same daemon and files; a second one is what a later process of the driver would be.
pub(crate) fn driver(port: &Arc<FakePort>, dir: &Base) -> Driver {
    let driver = Driver::new(Arc::new(Connect(port.clone())));
    let config = PluginConfig { state_dir: dir.path().join("state"), ..PluginConfig::default() };
    driver.configure(config, NodeCpu::default()).unwrap();
    driver
}

/// A command line of a task that runs until it is ended.
pub(crate) const RUNS: &[&str] = &["sleep"];

/// Looks until it is so; on the paused clock, which only goes on while everything waits.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A process of the test's own, for what is done to processes past the daemon.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    pub(crate) fn new() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The signal that it ends of. A paused clock stands still until then.
    pub(crate) async fn killed_by(&mut self) -> Option<i32> {
        let process = PidFd::open(self.pid()).unwrap();
        let waited = tokio::task::spawn_blocking(move || process.wait(Duration::from_secs(60)));
        assert_eq!(waited.await.unwrap().unwrap(), Exit::Ended, "it lives on");
        std::os::unix::process::ExitStatusExt::signal(&self.0.wait().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _it_has_ended = self.0.kill();
        let _it_was_asked_for = self.0.wait();
    }
}
