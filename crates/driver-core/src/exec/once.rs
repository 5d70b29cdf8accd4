//! The one-shot exec of script checks and template change scripts: bounded in time and output.

use std::sync::Arc;
use std::time::Duration;

use super::session::open;
use super::{ExecOutput, ExecRequest, ExecSession};
use crate::error::DriverError;
use crate::running::exit::TaskExit;
use crate::running::task::Task;

/// Bytes kept of each stream; of more, the last ones.
pub const MAX_OUTPUT: usize = 64 * 1024;

/// The outcome of a one-shot exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecResult {
    /// How the process ended.
    pub exit: TaskExit,
    /// The last [`MAX_OUTPUT`] bytes of standard output.
    pub stdout: Vec<u8>,
    /// The last [`MAX_OUTPUT`] bytes of standard error.
    pub stderr: Vec<u8>,
}

/// Runs a command to its end, or kills it after `timeout`; zero means no limit.
pub(crate) async fn run(
    task: Arc<Task>,
    command: Vec<String>,
    timeout: Duration,
) -> Result<ExecResult, DriverError> {
    let session = open(task, ExecRequest { command, tty: false, stdin: false });
    if timeout.is_zero() {
        return collect(session).await;
    }
    tokio::time::timeout(timeout, collect(session)).await.unwrap_or(Err(DriverError::ExecTimeout(timeout)))
}

async fn collect(mut session: ExecSession) -> Result<ExecResult, DriverError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        match session.output.recv().await {
            Some(ExecOutput::Stdout(bytes)) => keep_tail(&mut stdout, &bytes),
            Some(ExecOutput::Stderr(bytes)) => keep_tail(&mut stderr, &bytes),
            Some(ExecOutput::Exited(exit)) => {
                return Ok(ExecResult { exit: TaskExit::confirmed(exit, false), stdout, stderr });
            }
            Some(ExecOutput::Failed(error)) => return Err(error),
            None => return Err(DriverError::Interrupted("the exec")),
        }
    }
}

fn keep_tail(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    let excess = kept.len().saturating_sub(MAX_OUTPUT);
    kept.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_much_output_the_end_is_kept() {
        let mut kept = vec![b'a'; MAX_OUTPUT - 1];
        keep_tail(&mut kept, b"bcd");
        assert_eq!(kept.len(), MAX_OUTPUT);
        assert!(kept.ends_with(b"abcd"));
    }
}
