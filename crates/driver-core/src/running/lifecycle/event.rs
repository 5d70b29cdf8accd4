//! What happens to a task, what is to be done then, and why something can not happen.

use super::stage::{Step, Thing};
use crate::running::exit::TaskExit;

/// Something that happened or is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A step of the start begins: from here on what it makes may exist.
    Begun(Step),
    /// The step succeeded.
    Reached(Step),
    /// The start failed at the step that was begun last.
    Failed,
    /// An earlier process started it; this is what is found now.
    Recovered(Report),
    /// The daemon confirmed the end, or the process is known to be gone.
    Ended(TaskExit),
    /// The connection to the daemon broke off.
    Lost,
    /// The daemon answers again and has the task.
    Found,
    /// It is to end.
    Stop,
    /// It did not end although it was asked to.
    StopFailed,
    /// It is to be removed.
    Destroy {
        /// Also when it runs.
        force: bool,
    },
    /// A thing was given back.
    Released(Thing),
    /// Everything was given back.
    Gone,
}

/// What recovery finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The daemon runs it.
    Running,
    /// The daemon does not know it, its process lives.
    Alive,
    /// The daemon can not be asked, and the host has not been started anew.
    Unknown,
    /// It has ended.
    Stopped(TaskExit),
    /// It was made and never started.
    NeverStarted,
    /// Neither the daemon nor the host has it.
    Gone,
}

/// Whether the daemon that runs the task can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// As far as anybody knows.
    Up,
    /// Not now, which says nothing of the task.
    Lost,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing; it is as it should be.
    Nothing,
    /// Wait for its end.
    Watch,
    /// Tell those who wait for it.
    Report(TaskExit),
    /// Tell people that the daemon is away.
    TellLost,
    /// Tell people that the daemon is back.
    TellFound,
    /// Send the stop signal, and SIGKILL at the timeout.
    Signal,
    /// Wait for the stop that is under way.
    Join,
    /// Send SIGKILL to all of it, and ask again after its end.
    Kill,
    /// Give these back, in this order.
    Release(Vec<Thing>),
}

/// Why an event can not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    /// A step that does not follow the stage.
    #[error("the step does not follow the task's stage")]
    OutOfOrder,
    /// The start has succeeded and can not fail any more.
    #[error("the task has been started")]
    Started,
    /// It has no process yet.
    #[error("the task has not been started")]
    NotStarted,
    /// It runs, and force was not given.
    #[error("the task is running")]
    StillRunning,
    /// It has ended, and only once.
    #[error("the task has ended")]
    Ended,
    /// Nothing of it is left to take up.
    #[error("the task does not exist any more")]
    Gone,
    /// It is destroyed; nothing happens to it any more.
    #[error("the task is destroyed")]
    Destroyed,
    /// Only what has ended, or could not be started, is taken apart.
    #[error("the task needs {0:?}")]
    InUse(Thing),
    /// It was given back already, or never made.
    #[error("the task does not hold {0:?}")]
    NotHeld(Thing),
    /// Something is to be given back first.
    #[error("the task still holds {0:?}")]
    StillHeld(Thing),
}
