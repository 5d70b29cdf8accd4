//! Results of calls, checked and in this crate's own terms.

use crate::driver::error::DriverError;
use nomad_proto::pb::driver as pb;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskExit {
    /// The exit code; 128 plus the number for a signal.
    pub code: i32,
    /// The signal's number, or 0.
    pub signal: i32,
    /// Whether the kernel ended it for want of memory.
    pub oom_killed: bool,
}

impl TaskExit {
    /// An exit by itself.
    pub fn code(code: i32) -> Self {
        Self { code, ..Self::default() }
    }

    /// Code 0 and no signal, as Nomad counts success.
    pub fn is_success(&self) -> bool {
        self.code == 0 && self.signal == 0
    }

    pub(crate) fn from_result(
        call: &'static str,
        result: Option<pb::ExitResult>,
    ) -> Result<Self, DriverError> {
        let result = result.ok_or(DriverError::Incomplete { call, field: "result" })?;
        Ok(Self { code: result.exit_code, signal: result.signal, oom_killed: result.oom_killed })
    }
}

/// Whether a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPhase {
    /// The driver does not say.
    Unknown,
    /// It runs.
    Running,
    /// It has ended.
    Exited,
}

impl From<pb::TaskState> for TaskPhase {
    fn from(state: pb::TaskState) -> Self {
        match state {
            pb::TaskState::Unknown => Self::Unknown,
            pb::TaskState::Running => Self::Running,
            pb::TaskState::Exited => Self::Exited,
        }
    }
}

/// The answer to InspectTask.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskInspection {
    /// The task's id.
    pub id: String,
    /// The task's name.
    pub name: String,
    /// Whether it runs.
    pub phase: TaskPhase,
    /// When it was started.
    pub started_at: Option<SystemTime>,
    /// When it ended.
    pub completed_at: Option<SystemTime>,
    /// How it ended, or zeros while it runs.
    pub exit: TaskExit,
    /// What the driver tells beside.
    pub attributes: BTreeMap<String, String>,
}

const INSPECT: &str = "InspectTask";

impl TaskInspection {
    pub(crate) fn from_response(response: pb::InspectTaskResponse) -> Result<Self, DriverError> {
        let missing = |field| DriverError::Incomplete { call: INSPECT, field };
        let task = response.task.ok_or_else(|| missing("task"))?;
        let driver = response.driver.ok_or_else(|| missing("driver"))?;
        Ok(Self {
            phase: task.state().into(),
            exit: TaskExit::from_result(INSPECT, task.result)?,
            started_at: task.started_at.and_then(|time| SystemTime::try_from(time).ok()),
            completed_at: task.completed_at.and_then(|time| SystemTime::try_from(time).ok()),
            id: task.id,
            name: task.name,
            attributes: driver.attributes,
        })
    }
}

/// Go's durations end at 290 years; longer ones are cut.
pub(crate) fn to_wire(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
    }
}
