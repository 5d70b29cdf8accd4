//! How a task ended.

use std::time::SystemTime;

use crate::ports::Exit;

/// The confirmed end of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskExit {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
    /// The signal that ended the task, or 0.
    pub signal: i32,
    /// Whether the kernel killed a process of the task for lack of memory.
    pub oom_killed: bool,
    /// When it ended.
    pub at: SystemTime,
    /// Why the code is not the task's own: the daemon lost it.
    pub lost: Option<String>,
}

/// Highest signal number of Linux.
const MAX_SIGNAL: u32 = 64;

impl TaskExit {
    /// The end that the daemon confirmed. Codes 129 to 192 are read as signals, as runtimes report them.
    #[must_use]
    pub fn confirmed(exit: Exit, oom_killed: bool) -> Self {
        let code = i32::try_from(exit.code).unwrap_or(i32::MAX);
        let signal = if (129..=128 + MAX_SIGNAL).contains(&exit.code) { code - 128 } else { 0 };
        Self { code, signal, oom_killed, at: exit.at, lost: None }
    }

    /// The end of a task whose process is gone and whose code nobody knows.
    #[must_use]
    pub fn code_lost(reason: String, oom_killed: bool) -> Self {
        Self { code: UNKNOWN_CODE, signal: 0, oom_killed, at: SystemTime::now(), lost: Some(reason) }
    }
}

/// The code of a task that ended without telling anybody; restart policies read it as a failure.
const UNKNOWN_CODE: i32 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: u32) -> TaskExit {
        TaskExit::confirmed(Exit { code, at: SystemTime::UNIX_EPOCH }, false)
    }

    #[test]
    fn a_plain_code_is_no_signal() {
        assert_eq!((exit(42).code, exit(42).signal), (42, 0));
        assert_eq!((exit(128).code, exit(128).signal), (128, 0));
        assert_eq!((exit(255).code, exit(255).signal), (255, 0));
    }

    #[test]
    fn a_code_above_128_names_its_signal() {
        assert_eq!((exit(137).code, exit(137).signal), (137, 9));
        assert_eq!((exit(143).code, exit(143).signal), (143, 15));
    }
}
