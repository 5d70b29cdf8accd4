//! A plugin process of a test, started as Nomad starts it, and everything that it logs.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

use nomad_host::driver::DriverClient;
use nomad_host::plugin::{LogLine, PluginOptions, PluginProcess, Reattach};
use nomad_proto::cty::Value;

use crate::environment;
use crate::wait::{limit, limited};

/// A running plugin.
#[derive(Debug)]
pub struct Plugin {
    process: PluginProcess,
    log: Log,
}

/// The lines that a plugin has logged so far.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<LogLine>>>);

impl Log {
    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<LogLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a line has this text in its message or fields.
    pub fn contains(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.raw.contains(text))
    }

    /// The values that a field has had, oldest first.
    pub fn values(&self, field: &str) -> Vec<String> {
        let lines = self.lines();
        let values = lines.iter().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.raw).ok()?;
            Some(line.get(field)?.as_str()?.to_owned())
        });
        values.collect()
    }
}

impl Plugin {
    /// How the tests start the driver: with everything logged.
    pub fn options() -> (PluginOptions, Log) {
        let log = Log::default();
        let lines = Arc::clone(&log.0);
        let mut options = PluginOptions::new(environment::driver())
            .env("NOMAD_LOG_LEVEL", "debug")
            .log(move |line| lines.lock().unwrap_or_else(PoisonError::into_inner).push(line));
        // That it ends by itself is what tests are about; how soon is a matter of the host's load.
        options.shutdown_grace = limit();
        (options, log)
    }

    /// Starts one without a configuration.
    pub async fn start() -> Self {
        Self::start_in(&[]).await
    }

    async fn start_in(environment: &[(String, String)]) -> Self {
        let (options, log) = Self::options();
        let options = environment.iter().fold(options, |options, (name, value)| options.env(name, value));
        let process = limited("the handshake", PluginProcess::start(options)).await.unwrap();
        Self { process, log }
    }

    /// Starts one and hands it its configuration.
    pub async fn configured(config: &Value) -> Self {
        Self::configured_in(&[], config).await
    }

    /// The same with more variables in its environment.
    pub async fn configured_in(environment: &[(String, String)], config: &Value) -> Self {
        let plugin = Self::start_in(environment).await;
        limited("SetConfig", plugin.driver().configure(config)).await.unwrap();
        plugin
    }

    /// The process.
    pub fn process(&self) -> &PluginProcess {
        &self.process
    }

    /// The driver's calls.
    pub fn driver(&self) -> DriverClient {
        self.process.driver()
    }

    /// What it logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Ends it with SIGKILL.
    pub async fn kill(self) {
        limited("the plugin's end", self.process.kill()).await;
    }

    /// Ends it with SIGKILL, and gives all that it had logged until then.
    pub async fn kill_and_read(mut self) -> Log {
        limited("the plugin's end", self.process.kill()).await;
        limited("the end of the plugin's output", self.process.output_ended()).await;
        self.log
    }

    /// Ends it as Nomad does; its status tells whether it ended by itself.
    pub async fn shutdown(self) -> Option<ExitStatus> {
        limited("the plugin's shutdown", self.process.shutdown()).await
    }

    /// Asks it to end as Nomad does, and gives all that it has logged in its life.
    pub async fn shutdown_and_read(mut self) -> Log {
        limited("the request to end", self.process.connection().request_shutdown()).await;
        limited("the end of the plugin's output", self.process.output_ended()).await;
        self.log
    }

    /// Lets it live on without a reader of its output, as after the crash of an agent.
    pub async fn abandon(self) -> Reattach {
        self.process.abandon().await
    }
}
