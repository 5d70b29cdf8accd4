//! What is shown while a job runs.

mod lines;
mod summary;

pub use lines::LineScreen;
pub use summary::{Summary, SummaryRow};

use crate::ending::Ending;
use nomad_host::driver::TaskExit;
use nomad_host::logs::TaskLine;
use std::time::Duration;

/// Something that happened to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskChange {
    /// It is being started.
    Starting,
    /// Something the driver tells about it.
    Driver(String),
    /// It runs.
    Running {
        /// The time since the start began.
        took: Duration,
    },
    /// It could not be started, for this reason.
    NotStarted(String),
    /// It has ended.
    Exited(TaskExit),
    /// It is to be stopped, for this reason.
    StopAsked(String),
    /// It is being stopped.
    Stopping,
    /// Its start is not waited for any more.
    Abandoned,
    /// It is started again later.
    Restarting {
        /// How much later.
        delay: Duration,
        /// Whether the attempts of this interval are used up.
        next_interval: bool,
    },
    /// It has failed for good, for this reason.
    Failed(String),
    /// Something could not be done.
    Fault(String),
}

/// Where everything is shown. Calls come from several tasks at once and must not block for long.
pub trait Screen: Send + Sync {
    /// Something happened to a task.
    fn task(&self, name: &str, change: TaskChange);

    /// A task printed a line.
    fn line(&self, line: &TaskLine);

    /// Something about the run as a whole.
    fn note(&self, text: &str);

    /// Something is left out or could not be cleaned up.
    fn warning(&self, text: &str);

    /// The run cannot begin or go on.
    fn error(&self, text: &str);

    /// The end.
    fn summary(&self, summary: &Summary);
}

/// How a task ended, in a few words.
pub(crate) fn show_ending(ending: Ending) -> String {
    match ending {
        Ending::NotStarted => "not started".to_owned(),
        Ending::Lost => "failed".to_owned(),
        Ending::Exited(exit) => show_exit(exit),
        Ending::Stopped(exit) => format!("stopped, {}", show_exit(exit)),
    }
}

/// An exit in a few words.
pub(crate) fn show_exit(exit: TaskExit) -> String {
    match exit {
        TaskExit { oom_killed: true, code, .. } => format!("out of memory, exit code {code}"),
        TaskExit { signal: 0, code, .. } => format!("exit code {code}"),
        TaskExit { signal, code, .. } => format!("signal {signal}, exit code {code}"),
    }
}
