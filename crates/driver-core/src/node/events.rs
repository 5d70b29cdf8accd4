//! What people read in `nomad alloc status`: short, stable sentences about a task.

use std::time::SystemTime;

use tokio::sync::broadcast;

use crate::request::ids::TaskId;
use crate::request::task::Identity;

/// One event of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEvent {
    /// Nomad's id of the task.
    pub task_id: TaskId,
    /// The allocation that it is routed to.
    pub alloc_id: String,
    /// The task's name.
    pub task: String,
    /// When it happened.
    pub at: SystemTime,
    /// The sentence.
    pub message: String,
}

/// How many events a slow reader may fall behind before it misses some.
const BACKLOG: usize = 1024;

/// The one channel of all task events.
#[derive(Debug, Clone)]
pub(crate) struct Events(broadcast::Sender<TaskEvent>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<TaskEvent> {
        self.0.subscribe()
    }

    /// Tells it to whoever listens; an event without a listener is dropped.
    pub(crate) fn emit(&self, task_id: &TaskId, identity: &Identity, message: impl Into<String>) {
        let message = message.into();
        tracing::debug!(task = %task_id, %message, "task event");
        let _nobody_listens = self.0.send(TaskEvent {
            task_id: task_id.clone(),
            alloc_id: identity.alloc_id.clone(),
            task: identity.task.clone(),
            at: SystemTime::now(),
            message,
        });
    }
}

/// A size for people, in binary units.
pub(crate) fn human_size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..MIB => format!("{} KiB", bytes / 1024),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        assert_eq!(human_size(12), "12 B");
        assert_eq!(human_size(2048), "2 KiB");
        assert_eq!(human_size(5 * 1024 * 1024 / 2), "2.5 MiB");
    }
}
