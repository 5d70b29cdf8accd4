//! The tasks of a test: described, started, asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nomad_host::alloc::{Allocation, TaskBuilder};
use nomad_host::driver::{
    DriverError, ExecResult, ExecSession, TaskConfig, TaskExit, TaskHandle, TaskInspection,
};
use nomad_host::logs::{CollectedLogs, TaskOutput};
use nomad_proto::cty::Value;

use crate::wait::limited;
use crate::world::Shared;

type Build = Box<dyn for<'a> FnOnce(TaskBuilder<'a>) -> TaskBuilder<'a> + Send>;
type Change = Box<dyn FnOnce(&mut TaskConfig) + Send>;

/// The error and what caused it, in one line.
pub fn chain(error: &DriverError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// A task that is about to be started.
#[must_use]
pub struct TaskSetup {
    world: Arc<Shared>,
    alloc: Arc<Allocation>,
    name: String,
    image: Option<&'static str>,
    options: BTreeMap<String, Value>,
    build: Vec<Build>,
    change: Vec<Change>,
}

impl TaskSetup {
    pub(crate) fn new(world: Arc<Shared>, alloc: Arc<Allocation>, name: &str) -> Self {
        let name = name.to_owned();
        let (options, build, change) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { world, alloc, name, image: Some("busybox"), options, build, change }
    }

    /// Another image of the table, by its short name.
    pub fn image(mut self, name: &'static str) -> Self {
        self.image = Some(name);
        self
    }

    /// An image that is not imported, by its reference.
    pub fn reference(mut self, reference: &str) -> Self {
        self.image = None;
        self.option("image", reference)
    }

    /// An option of the `config` block.
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Runs a script with the image's shell.
    pub fn shell(self, script: &str) -> Self {
        self.command(&["/bin/sh", "-c", script])
    }

    /// Runs a program with its arguments.
    pub fn command(self, words: &[&str]) -> Self {
        let arguments = words[1..].iter().map(|word| Value::from(*word)).collect();
        self.option("command", words[0]).option("args", Value::List(arguments))
    }

    /// Describes more of the task as a client would.
    pub fn with(
        mut self,
        build: impl for<'a> FnOnce(TaskBuilder<'a>) -> TaskBuilder<'a> + Send + 'static,
    ) -> Self {
        self.build.push(Box::new(build));
        self
    }

    /// Changes the finished configuration, for what no client would send.
    pub fn change(mut self, change: impl FnOnce(&mut TaskConfig) + Send + 'static) -> Self {
        self.change.push(Box::new(change));
        self
    }

    /// The allocation that it belongs to.
    pub fn alloc(&self) -> &Arc<Allocation> {
        &self.alloc
    }

    /// The configuration that a client would send, and its log pipes.
    pub async fn prepare(self) -> Result<(TaskConfig, CollectedLogs), DriverError> {
        let Self { world, alloc, name, image, mut options, build, change } = self;
        if let Some(image) = image {
            let daemon = Arc::clone(world.daemon());
            let imported = tokio::task::spawn_blocking(move || daemon.image(image)).await;
            options.insert("image".to_owned(), imported.unwrap().into());
        }
        let encoded = world.driver().encode_task_config(&Value::Map(options)).await?;
        let mut builder = alloc.task(&name).unwrap().config(encoded);
        for step in build {
            builder = step(builder);
        }
        let (mut config, logs) = builder.with_logs().unwrap();
        for step in change {
            step(&mut config);
        }
        Ok((config, logs))
    }

    /// Starts it.
    pub async fn start(self) -> Task {
        let name = self.name.clone();
        self.try_start().await.unwrap_or_else(|error| panic!("task {name} does not start: {error}"))
    }

    /// Starts it, or gives the driver's refusal.
    pub async fn try_start(self) -> Result<Task, DriverError> {
        let world = Arc::clone(&self.world);
        let (config, logs) = self.prepare().await?;
        Task::start(&world, config, logs).await
    }

    /// The text with which the driver refuses it.
    pub async fn refusal(self) -> String {
        match self.try_start().await {
            Ok(_) => panic!("the driver starts what it should refuse"),
            Err(error) => error.to_string(),
        }
    }
}

/// A started task. Its world destroys it when the test ends.
#[derive(Debug)]
pub struct Task {
    world: Arc<Shared>,
    /// What the driver was given.
    pub config: TaskConfig,
    /// What the driver gave back.
    pub handle: TaskHandle,
    logs: CollectedLogs,
}

impl Task {
    /// Starts what [`TaskSetup::prepare`] made.
    pub async fn start(
        world: &Arc<Shared>,
        config: TaskConfig,
        logs: CollectedLogs,
    ) -> Result<Self, DriverError> {
        let started = limited("StartTask", world.driver().start_task(&config)).await;
        let handle = started?;
        world.remember(&handle);
        Ok(Self { world: Arc::clone(world), config, handle, logs })
    }

    /// A task that somebody else has started, by what Nomad recorded of it. No driver of this world knows it yet.
    pub fn recorded(world: &Arc<Shared>, handle: TaskHandle, logs: CollectedLogs) -> Self {
        world.remember(&handle);
        let config = handle.config.clone().unwrap();
        Self { world: Arc::clone(world), config, handle, logs }
    }

    /// Nomad's id of the task.
    pub fn id(&self) -> &str {
        &self.config.id
    }

    /// Its end.
    pub async fn wait(&self) -> TaskExit {
        self.try_wait().await.unwrap()
    }

    /// Its end, or why it can not be waited for.
    pub async fn try_wait(&self) -> Result<TaskExit, DriverError> {
        limited("WaitTask", self.world.driver().wait_task(self.id())).await
    }

    /// Its end and everything it printed.
    pub async fn finish(self) -> (TaskExit, TaskOutput) {
        let exit = self.wait().await;
        (exit, self.logs.collect().await.unwrap())
    }

    /// Everything it printed, its last lines included; to be called when it is dead.
    pub async fn collect(self) -> TaskOutput {
        self.logs.collect().await.unwrap()
    }

    /// Waits until its standard output contains a text.
    pub async fn printed(&mut self, text: &str) -> TaskOutput {
        let what = format!("{text:?} in the log of {}", self.config.name);
        self.printed_so_that(&what, |output| output.stdout_text().contains(text)).await
    }

    /// Waits until its output satisfies a condition.
    pub async fn printed_so_that(&mut self, what: &str, wanted: impl Fn(&TaskOutput) -> bool) -> TaskOutput {
        limited(what, self.logs.wait_for(wanted)).await
    }

    /// What it printed so far, in whole lines.
    pub fn output_so_far(&self) -> TaskOutput {
        self.logs.so_far()
    }

    /// Sends a signal.
    pub async fn signal(&self, signal: &str) -> Result<(), DriverError> {
        limited("SignalTask", self.world.driver().signal_task(self.id(), signal)).await
    }

    /// Stops it; an empty signal leaves the choice to the driver.
    pub async fn stop(&self, timeout: Duration, signal: &str) -> Result<(), DriverError> {
        limited("StopTask", self.world.driver().stop_task(self.id(), timeout, signal)).await
    }

    /// Removes it.
    pub async fn destroy(&self, force: bool) -> Result<(), DriverError> {
        limited("DestroyTask", self.world.driver().destroy_task(self.id(), force)).await
    }

    /// What the driver knows of it.
    pub async fn inspect(&self) -> TaskInspection {
        limited("InspectTask", self.world.driver().inspect_task(self.id())).await.unwrap()
    }

    /// Takes it up in another process of the driver.
    pub async fn recover(&self) -> Result<(), DriverError> {
        let handle = self.handle_after_restart();
        limited("RecoverTask", self.world.driver().recover_task(&handle)).await
    }

    /// The handle as a restarted agent has it: without the driver's own configuration.
    pub fn handle_after_restart(&self) -> TaskHandle {
        let mut handle = self.handle.clone();
        if let Some(config) = &mut handle.config {
            config.msgpack_driver_config.clear();
        }
        handle
    }

    /// Runs a script in it to its end.
    pub async fn run(&self, script: &str) -> ExecResult {
        let command = ["/bin/sh", "-c", script];
        self.exec(&command, Duration::from_secs(60)).await.unwrap()
    }

    /// The standard output of a script that succeeds.
    pub async fn read(&self, script: &str) -> String {
        let result = self.run(script).await;
        assert_eq!(result.exit, TaskExit::code(0), "{script}: {}", String::from_utf8_lossy(&result.stderr));
        String::from_utf8(result.stdout).unwrap()
    }

    /// Runs a command in it to its end.
    pub async fn exec(&self, command: &[&str], timeout: Duration) -> Result<ExecResult, DriverError> {
        let driver = self.world.driver();
        limited("ExecTask", driver.exec_task(self.id(), command.iter().copied(), timeout)).await
    }

    /// Opens a command in it with its streams.
    pub async fn session(&self, command: &[&str], tty: bool) -> ExecSession {
        self.try_session(command, tty).await.unwrap()
    }

    /// The same, or the driver's refusal.
    pub async fn try_session(&self, command: &[&str], tty: bool) -> Result<ExecSession, DriverError> {
        let driver = self.world.driver();
        limited("ExecTaskStreaming", driver.exec_task_streaming(self.id(), command.iter().copied(), tty))
            .await
    }

    /// The process id of its first process, as the driver tells it.
    pub async fn pid(&self) -> u32 {
        self.inspect().await.attributes["pid"].parse().unwrap()
    }

    /// The id of its container, as the driver tells it.
    pub async fn container(&self) -> String {
        self.inspect().await.attributes["containerd_id"].clone()
    }

    /// The root of its file system on the host, through its first process.
    pub async fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid().await))
    }
}
