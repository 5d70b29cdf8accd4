//! The FIFOs of one exec: made in the driver's own directory, opened so that no side ever blocks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use linux_host::fifo;
use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

use super::{ExecOutput, ExecRequest};
use crate::error::DriverError;
use crate::ports::Stdio;

/// Bytes read at once.
const CHUNK: usize = 32 * 1024;
/// How long output may still come after the process was deleted; its shim has closed the pipes by then.
const LINGER: Duration = Duration::from_millis(200);

/// Our ends of the FIFOs and their paths for the shim.
pub(super) struct Pipes {
    pub(super) stdio: Stdio,
    pub(super) stdin: Option<Sender>,
    pub(super) stdout: Receiver,
    pub(super) stderr: Option<Receiver>,
}

impl Pipes {
    /// Makes and opens the FIFOs in `dir`.
    pub(super) fn make(dir: &Path, request: &ExecRequest) -> Result<Self, DriverError> {
        let path = |name: &str| dir.join(name);
        let mut stdio = Stdio { stdout: path("stdout"), terminal: request.tty, ..Stdio::default() };
        let stdout = reader(&stdio.stdout)?;
        let mut stderr = None;
        if !request.tty {
            stdio.stderr = path("stderr");
            stderr = Some(reader(&stdio.stderr)?);
        }
        let mut stdin = None;
        if request.stdin {
            stdio.stdin = path("stdin");
            stdin = Some(writer(&stdio.stdin)?);
        }
        Ok(Self { stdio, stdin, stdout, stderr })
    }
}

fn make(path: &Path) -> Result<PathBuf, DriverError> {
    fifo::make(path)
        .map_err(|error| DriverError::host("a pipe of the exec can not be made")(error.into()))?;
    Ok(path.to_owned())
}

fn reader(path: &Path) -> Result<Receiver, DriverError> {
    let path = make(path)?;
    OpenOptions::new().open_receiver(&path).map_err(DriverError::file("can not open", path))
}

/// Opened for reading too, so that it neither waits for the shim's end nor fails without it.
fn writer(path: &Path) -> Result<Sender, DriverError> {
    let path = make(path)?;
    OpenOptions::new().read_write(true).open_sender(&path).map_err(DriverError::file("can not open", path))
}

/// Copies a FIFO to the caller until its end. After `deleted` only what is still in it comes: a process that the exec
/// left in the background may hold it open for ever.
pub(super) async fn copy(
    pipe: Receiver,
    wrap: fn(Vec<u8>) -> ExecOutput,
    output: tokio::sync::mpsc::Sender<ExecOutput>,
    deleted: tokio_util::sync::CancellationToken,
) {
    loop {
        let ready = tokio::select! {
            ready = pipe.readable() => ready,
            () = deleted.cancelled() => match tokio::time::timeout(LINGER, pipe.readable()).await {
                Ok(ready) => ready,
                Err(_nothing_left) => return,
            },
        };
        if ready.is_err() {
            return;
        }
        let mut chunk = vec![0; CHUNK];
        match pipe.try_read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                if output.send(wrap(chunk)).await.is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return tracing::debug!(%error, "a pipe of an exec broke"),
        }
    }
}
