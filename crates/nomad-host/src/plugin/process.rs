//! Starts a plugin as Nomad does and watches it until it ends.

use crate::driver::DriverClient;
use crate::plugin::connection::{ConnectError, PluginConnection};
use crate::plugin::options::PluginOptions;
use crate::plugin::output::{self, Tail, UnexpectedOutput};
use crate::plugin::supervisor::{Life, Supervisor};
use nomad_proto::handshake::{
    APP_VERSION, COOKIE_KEY, COOKIE_VALUE, ENV_PORTS, ENV_VERSIONS, HandshakeError, HandshakeLine,
};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::BufReader;
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The lowest and highest port that Nomad allows plugins by default.
const PORTS: [&str; 2] = ["10000", "14000"];

/// A plugin could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The program cannot be executed.
    #[error("cannot start {}", binary.display())]
    Spawn {
        /// The program.
        binary: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended before it printed a handshake.
    #[error("{} ended before its handshake{}{}", binary.display(), how(*status), shown(log))]
    Ended {
        /// The program.
        binary: PathBuf,
        /// How it ended, where that is known.
        status: Option<ExitStatus>,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// No handshake within the time.
    #[error("{} printed no handshake within {} s{}", binary.display(), deadline.as_secs(), shown(log))]
    Deadline {
        /// The program.
        binary: PathBuf,
        /// The time it had.
        deadline: Duration,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The first line of stdout is no handshake.
    #[error("{} printed something else than a handshake{}", binary.display(), shown(log))]
    Handshake {
        /// The program.
        binary: PathBuf,
        /// What is wrong with the line.
        source: HandshakeError,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The handshake offers something that this host does not speak.
    #[error("{} speaks another protocol: {line}", binary.display())]
    Protocol {
        /// The program.
        binary: PathBuf,
        /// Its handshake.
        line: Box<HandshakeLine>,
    },
    /// Nobody answers at its socket.
    #[error("the plugin cannot be reached")]
    Connect(#[from] ConnectError),
}

fn how(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

fn shown(log: &[String]) -> String {
    log.iter().map(|line| format!("\n  {line}")).collect()
}

/// Where a plugin that outlives its host is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reattach {
    /// Its process id.
    pub pid: u32,
    /// Its socket.
    pub socket: PathBuf,
}

/// A plugin that this host started. Dropping it kills the plugin; [`PluginProcess::shutdown`] is
/// the orderly end.
#[derive(Debug)]
pub struct PluginProcess {
    pid: u32,
    line: String,
    connection: PluginConnection,
    supervisor: Supervisor,
    tail: Tail,
    unexpected: UnexpectedOutput,
    readers: JoinSet<()>,
    shutdown_grace: Duration,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.lines()).finish()
    }
}

impl std::fmt::Debug for UnexpectedOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes().len())
    }
}

impl PluginProcess {
    /// Starts the program, reads its handshake and connects.
    ///
    /// # Errors
    /// [`PluginError`]; the process is gone then.
    pub async fn start(options: PluginOptions) -> Result<Self, PluginError> {
        let (binary, shutdown_grace) = (options.binary.clone(), options.shutdown_grace);
        let mut child =
            spawn(&options).map_err(|source| PluginError::Spawn { binary: binary.clone(), source })?;
        let pid = child.id().unwrap_or_default();
        let tail = Tail::default();
        let stdout = child.stdout.take();
        let mut readers = JoinSet::new();
        if let Some(stderr) = child.stderr.take() {
            readers.spawn(output::forward_log(stderr, options.log.clone(), tail.clone()));
        }
        let supervisor = Supervisor::new(child);
        let unexpected = UnexpectedOutput::default();
        let socket = match first_line(stdout, options.handshake_deadline).await {
            First::Line(line, rest) => {
                readers.spawn(unexpected.clone().collect(rest));
                socket_of(&binary, &line, &tail).map(|socket| (line, socket))
            }
            First::Nothing => {
                supervisor.kill();
                let status = supervisor.ended().await;
                readers.join_next().await;
                Err(PluginError::Ended { binary, status: status.exit(), log: tail.lines() })
            }
            First::Late => {
                let deadline = options.handshake_deadline;
                Err(PluginError::Deadline { binary, deadline, log: tail.lines() })
            }
        };
        let connected = match socket {
            Ok((line, socket)) => {
                let connection = PluginConnection::open(&socket).await;
                connection.map(|connection| (line, connection)).map_err(PluginError::from)
            }
            Err(error) => Err(error),
        };
        match connected {
            Ok((line, connection)) => {
                Ok(Self { pid, line, connection, supervisor, tail, unexpected, readers, shutdown_grace })
            }
            Err(error) => {
                supervisor.kill();
                supervisor.ended().await;
                Err(error)
            }
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The first line of stdout to the byte, with its line feed.
    pub fn handshake_line(&self) -> &str {
        &self.line
    }

    /// The plugin's socket.
    pub fn socket(&self) -> &Path {
        self.connection.socket()
    }

    /// The connection, which may be cloned and outlive this value.
    pub fn connection(&self) -> &PluginConnection {
        &self.connection
    }

    /// The driver's interface.
    pub fn driver(&self) -> DriverClient {
        self.connection.driver()
    }

    /// The last lines of the plugin's log, oldest first.
    pub fn last_log_lines(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// What the plugin wrote to stdout after its handshake: nothing, if it is faithful.
    pub fn unexpected_stdout(&self) -> Vec<u8> {
        self.unexpected.bytes()
    }

    /// Returns when the plugin, and whoever inherited from it, has closed its output, so that
    /// nothing more is logged.
    pub async fn output_ended(&mut self) {
        while self.readers.join_next().await.is_some() {}
    }

    /// Whether the process still runs.
    pub fn is_running(&self) -> bool {
        self.supervisor.life() == Life::Running
    }

    /// Returns when the process has ended; `None` when its status is not known.
    pub async fn ended(&self) -> Option<ExitStatus> {
        self.supervisor.ended().await.exit()
    }

    /// Sends SIGKILL and waits for the end.
    pub async fn kill(&self) -> Option<ExitStatus> {
        self.supervisor.kill();
        self.ended().await
    }

    /// Ends the plugin as Nomad does: asks it, waits 2 s at most, then kills it. Tasks live on.
    /// The status tells whether it ended by itself.
    pub async fn shutdown(self) -> Option<ExitStatus> {
        let asked = async {
            self.connection.request_shutdown().await;
            self.supervisor.ended().await;
        };
        if timeout(self.shutdown_grace, asked).await.is_err() {
            self.supervisor.kill();
        }
        self.ended().await
    }

    /// Lets the plugin live on without this host, as it does when an agent crashes: nobody reads
    /// its output any more.
    pub async fn abandon(mut self) -> Reattach {
        self.supervisor.release();
        self.supervisor.ended().await;
        self.readers.shutdown().await;
        Reattach { pid: self.pid, socket: self.socket().to_owned() }
    }
}

/// What a plugin's stdout began with.
enum First {
    Line(String, BufReader<ChildStdout>),
    Nothing,
    Late,
}

async fn first_line(stdout: Option<ChildStdout>, deadline: Duration) -> First {
    let Some(stdout) = stdout else { return First::Nothing };
    match timeout(deadline, output::first_line(stdout)).await {
        Ok(Ok((line, rest))) if !line.is_empty() => First::Line(line, rest),
        Ok(_) => First::Nothing,
        Err(_) => First::Late,
    }
}

fn spawn(options: &PluginOptions) -> std::io::Result<Child> {
    let mut command = Command::new(&options.binary);
    command
        .args(&options.arguments)
        .env(ENV_PORTS[0], PORTS[0])
        .env(ENV_PORTS[1], PORTS[1])
        .env(ENV_VERSIONS, APP_VERSION.to_string())
        .envs(options.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    match options.cookie {
        true => command.env(COOKIE_KEY, COOKIE_VALUE),
        false => command.env_remove(COOKIE_KEY),
    };
    command.spawn()
}

fn socket_of(binary: &Path, line: &str, tail: &Tail) -> Result<PathBuf, PluginError> {
    let handshake: HandshakeLine = line.parse().map_err(|source| PluginError::Handshake {
        binary: binary.to_owned(),
        source,
        log: tail.lines(),
    })?;
    let spoken = handshake.app == APP_VERSION
        && handshake.network == "unix"
        && handshake.protocol == "grpc"
        && handshake.certificate.is_empty();
    match spoken {
        true => Ok(PathBuf::from(handshake.address)),
        false => Err(PluginError::Protocol { binary: binary.to_owned(), line: Box::new(handshake) }),
    }
}
