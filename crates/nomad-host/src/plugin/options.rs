//! How a plugin is started.

use crate::plugin::log_line::LogLine;
use nomad_proto::handshake::ENV_SOCKET_DIR;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Receives every line that a plugin logs.
pub type LogSink = Arc<dyn Fn(LogLine) + Send + Sync>;

/// The time a plugin has to print its handshake; go-plugin's default.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(60);

/// The time a plugin has to end after it was asked to; as in go-plugin.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// The program and its surroundings.
#[derive(Clone)]
pub struct PluginOptions {
    /// The program.
    pub binary: PathBuf,
    /// Its arguments; Nomad gives none unless the operator configured some.
    pub arguments: Vec<OsString>,
    /// Variables beside this process's own environment and those of the handshake.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether the magic cookie is set. A plugin without it explains itself and ends.
    pub cookie: bool,
    /// The time until the handshake line must be there.
    pub handshake_deadline: Duration,
    /// The time that it has to end after it was asked to, before it is killed.
    pub shutdown_grace: Duration,
    /// Where log lines go.
    pub log: LogSink,
}

impl PluginOptions {
    /// A plugin started the way Nomad starts it, its log lines dropped.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            cookie: true,
            handshake_deadline: HANDSHAKE_DEADLINE,
            shutdown_grace: SHUTDOWN_GRACE,
            log: Arc::new(|_| {}),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Puts the plugin's socket into a directory, if its path is short enough for one.
    #[must_use]
    pub fn socket_dir(self, directory: &Path) -> Self {
        self.env(ENV_SOCKET_DIR, directory)
    }

    /// Sends every log line to `sink`.
    #[must_use]
    pub fn log(mut self, sink: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        self.log = Arc::new(sink);
        self
    }
}

impl fmt::Debug for PluginOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginOptions")
            .field("binary", &self.binary)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}
