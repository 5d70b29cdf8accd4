//! Further processes in a running task: a session of input and output, and the one-shot form of script checks.

mod leftover;
mod once;
mod pipes;
mod session;

pub(crate) use leftover::sweep;
pub(crate) use once::run as run_once;
pub use once::{ExecResult, MAX_OUTPUT};
pub(crate) use session::open;

use tokio::sync::mpsc;

use crate::error::DriverError;
use crate::ports::Exit;

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether it gets a terminal.
    pub tty: bool,
    /// Whether it has an input; without one it reads `/dev/null`.
    pub stdin: bool,
}

/// What the caller sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecInput {
    /// Bytes for standard input.
    Stdin(Vec<u8>),
    /// The end of standard input.
    CloseStdin,
    /// The caller's terminal has another size.
    Resize {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// What the caller gets; `Exited` or `Failed` is the last message.
#[derive(Debug)]
pub enum ExecOutput {
    /// Bytes of standard output, or of the terminal.
    Stdout(Vec<u8>),
    /// Bytes of standard error.
    Stderr(Vec<u8>),
    /// No more output comes; the process has ended.
    Exited(Exit),
    /// The exec could not be run to its end.
    Failed(DriverError),
}

/// A running exec. Dropping `output` kills the process.
#[derive(Debug)]
pub struct ExecSession {
    /// Towards the process.
    pub input: mpsc::Sender<ExecInput>,
    /// From the process.
    pub output: mpsc::Receiver<ExecOutput>,
}
