//! A plugin process from its start to its end.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use driver_core::ports::ConnectPort;
use driver_core::{Driver, chain};
use nomad_proto::handshake::{HandshakeError, HandshakeLine};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::environment::{Environment, Launch};
use crate::server::{ServeError, serve};
use crate::socket::{self, Socket, SocketError};
use crate::{PLUGIN_NAME, hclog};

/// What a person reads who starts the plugin by hand.
pub const HUMAN_TEXT: &str = "\
This program is a task driver plugin of Nomad. It is not meant to be executed directly:
the Nomad agent starts it by itself when it finds it in its plugin directory.
";

/// How long a thread that has waited for a file is kept for the next. A burst of starts has a hundred of them, each
/// with memory that the allocator keeps for it alone.
const IDLE_THREAD: Duration = Duration::from_secs(1);

/// Why the plugin could not serve.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the plugin's runtime cannot be started")]
    Runtime(#[source] io::Error),
    #[error("the plugin's socket cannot be made")]
    Socket(#[source] SocketError),
    #[error("the plugin's socket cannot be announced")]
    Line(#[source] HandshakeError),
    #[error("the handshake cannot be written to the host")]
    Stdout(#[source] io::Error),
    #[error("the plugin cannot serve")]
    Serve(#[source] ServeError),
}

/// Serves the driver to the host that started this process, until the host asks it to end.
///
/// Exit code 0 then; 1 when the process was not started by a host, or cannot serve. The handshake is all
/// that ever goes to standard output.
pub fn run(environment: &Environment, connector: Arc<dyn ConnectPort>, version: &str) -> ExitCode {
    if environment.launch != Launch::Host {
        let _nobody_reads = io::stderr().write_all(HUMAN_TEXT.as_bytes());
        return ExitCode::FAILURE;
    }
    let log = match hclog::install() {
        Ok(log) => log,
        Err(error) => {
            let _nobody_reads = writeln!(io::stderr(), "{PLUGIN_NAME}: {}", chain(&error));
            return ExitCode::FAILURE;
        }
    };
    let code = match run_to_end(environment, connector, version) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &error as &(dyn Error + 'static), "the plugin ends");
            ExitCode::FAILURE
        }
    };
    log.flush(hclog::LAST_LINES);
    code
}

fn run_to_end(
    environment: &Environment,
    connector: Arc<dyn ConnectPort>,
    version: &str,
) -> Result<(), RunError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.thread_keep_alive(IDLE_THREAD).enable_all().build().map_err(RunError::Runtime)?;
    let Socket { path, listener } = socket::bind(environment).map_err(RunError::Socket)?;
    let served = runtime.block_on(async {
        ignore_interrupts();
        let line = path.to_str().unwrap_or_default();
        let line = HandshakeLine::unix(line).map_err(RunError::Line)?;
        let listener = UnixListener::from_std(listener).map_err(RunError::Runtime)?;
        let shutdown = CancellationToken::new();
        let driver = Driver::new(connector);
        announce(&line).map_err(RunError::Stdout)?;
        tracing::debug!(address = %line.address, version, "the plugin serves");
        serve(listener, driver, version, shutdown).await.map_err(RunError::Serve)
    });
    socket::remove(&path);
    // Not waited for: a thread may sit in a system call that never returns.
    runtime.shutdown_background();
    served
}

/// The one line that the host reads.
fn announce(line: &HandshakeLine) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

/// An interrupt from a terminal is meant for the agent, which then ends the plugin in its own way. A handler
/// that does nothing serves better than ignoring: programs that this process starts do not inherit it.
fn ignore_interrupts() {
    if let Err(error) = signal(SignalKind::interrupt()) {
        tracing::warn!(%error, "interrupts cannot be ignored");
    }
}
