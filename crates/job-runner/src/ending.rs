//! How tasks end, for the engine that finds it out and the screen that shows it.

use nomad_host::driver::TaskExit;

/// How a task ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was never started.
    NotStarted,
    /// It could not be started, or was lost.
    Lost,
    /// It ended by itself.
    Exited(TaskExit),
    /// It was stopped.
    Stopped(TaskExit),
}

impl Ending {
    /// How it exited, if it ran.
    pub fn exit(self) -> Option<TaskExit> {
        match self {
            Self::Exited(exit) | Self::Stopped(exit) => Some(exit),
            Self::NotStarted | Self::Lost => None,
        }
    }
}
