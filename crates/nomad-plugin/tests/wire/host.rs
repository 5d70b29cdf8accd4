//! A plugin process, started as a host starts it.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nomad_proto::handshake::{COOKIE_KEY, COOKIE_VALUE, ENV_SOCKET_DIR, HandshakeLine};
use nomad_proto::pb::goplugin::Empty;
use nomad_proto::pb::goplugin::grpc_controller_client::GrpcControllerClient;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

/// Far beyond what anything here takes; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The example that is built along with the tests, unless a run names its targets.
pub(crate) fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().with_file_name("examples").join("without_daemon");
    assert!(path.exists(), "{} is missing: `cargo test` builds it unless targets are chosen", path.display());
    path
}

/// The program with a clean environment and a cookie.
pub(crate) fn command(cookie: Option<&str>) -> Command {
    let mut command = Command::new(program());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(cookie) = cookie {
        command.env(COOKIE_KEY, cookie);
    }
    command
}

/// A plugin that serves.
pub(crate) struct Plugin {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    pub(crate) line: String,
    pub(crate) socket: PathBuf,
    pub(crate) channel: Channel,
    pub(crate) dir: TempDir,
}

impl Plugin {
    /// Starts it, reads its line and connects.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = command(Some(COOKIE_VALUE)).env(ENV_SOCKET_DIR, dir.path()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        timeout(PATIENCE, stdout.read_line(&mut line)).await.unwrap().unwrap();
        let socket = PathBuf::from(line.parse::<HandshakeLine>().unwrap().address);
        let channel = Self::connect(&socket).await;
        Self { child, stdout, line, socket, channel, dir }
    }

    /// Another connection to the same socket.
    pub(crate) async fn connect(socket: &std::path::Path) -> Channel {
        Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap().connect().await.unwrap()
    }

    /// Asks it to end, and takes its exit and the rest of its standard output.
    pub(crate) async fn shut_down(&mut self) -> (ExitStatus, String) {
        let mut controller = GrpcControllerClient::new(self.channel.clone());
        timeout(PATIENCE, controller.shutdown(Empty {})).await.unwrap().unwrap();
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).await.unwrap();
        (status, rest)
    }
}
