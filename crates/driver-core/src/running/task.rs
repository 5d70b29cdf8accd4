//! One task that the driver knows.

use std::io::PipeWriter;
use std::sync::{Arc, Mutex, OnceLock};

use linux_host::cgroup::TaskCgroup;
use tokio::sync::{OnceCell, Semaphore, watch};

use crate::error::DriverError;
use crate::node::context::Context;
use crate::request::ids::{ContainerId, TaskId};
use crate::request::task::Identity;
use crate::running::exit::TaskExit;
use crate::running::lifecycle::{Denial, Effect, Event, LifeCell, Stage};
use crate::running::state::{TaskHandle, TaskState};

/// Where a task is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Its first process runs, as far as anybody knows.
    Running,
    /// The end is confirmed; the container is still there.
    Exited(TaskExit),
    /// Nothing of it is left but the memory of its end.
    Destroyed(TaskExit),
}

/// A stop under way: its result, once there is one.
pub(crate) type Stopping = watch::Receiver<Option<Result<(), Arc<DriverError>>>>;

/// How many execs of a task may be on their way to their start. Shims of containerd 1.6 stand still for good when
/// a hundred start and end at once; those that run are not counted.
const EXEC_TURNS: usize = 8;

/// A task from its start or recovery until its destruction.
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) container: ContainerId,
    pub(crate) identity: Identity,
    pub(crate) state: TaskState,
    pub(crate) cgroup: TaskCgroup,
    pub(crate) context: Arc<Context>,
    pub(crate) template: OnceCell<oci_builder::Process>,
    pub(crate) exec_turns: Semaphore,
    pub(crate) stopping: Mutex<Option<Stopping>>,
    pub(crate) life: Arc<LifeCell>,
    /// Held once more by every caller that waits for the end.
    callers: Arc<()>,
    /// Of a task of the Go driver: its end is the end of the patience with Nomad's log pipes.
    pub(crate) wants_logs: OnceLock<PipeWriter>,
}

impl Task {
    pub(crate) fn new(
        context: Arc<Context>,
        id: TaskId,
        identity: Identity,
        state: TaskState,
        life: Arc<LifeCell>,
    ) -> Arc<Self> {
        Arc::new(Self {
            container: state.container_id(),
            cgroup: TaskCgroup::new(context.cgroups.clone(), &state.cgroup),
            template: OnceCell::new(),
            exec_turns: Semaphore::new(EXEC_TURNS),
            stopping: Mutex::new(None),
            wants_logs: OnceLock::new(),
            callers: Arc::default(),
            life,
            id,
            identity,
            state,
            context,
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.life.stage() {
            Stage::Exited(exit) => Phase::Exited(exit),
            Stage::Destroyed(Some(exit)) => Phase::Destroyed(exit),
            _ => Phase::Running,
        }
    }

    /// Takes an event of the task's life, or gives the denial in the words of its caller.
    pub(crate) fn on(&self, event: Event) -> Result<Effect, DriverError> {
        self.life.on(event).map_err(|denial| match denial {
            Denial::StillRunning => DriverError::StillRunning(self.id.to_string()),
            Denial::NotStarted | Denial::Ended | Denial::Destroyed => {
                DriverError::NotRunning(self.id.to_string())
            }
            Denial::Gone => DriverError::Gone(self.container.to_string()),
            other => DriverError::Denied { task: self.id.to_string(), reason: other.to_string() },
        })
    }

    /// Whether the kernel killed a process of it for lack of memory, by the cgroup's own count.
    pub(crate) fn oom_killed(&self) -> bool {
        self.cgroup.oom_kills().is_ok_and(|kills| kills > self.state.oom_kills_before)
    }

    /// Waits for the confirmed end on behalf of a caller of the driver.
    pub(crate) async fn wait_for_caller(&self) -> TaskExit {
        let _caller = Arc::clone(&self.callers);
        self.wait().await
    }

    /// Waits for the confirmed end.
    pub(crate) async fn wait(&self) -> TaskExit {
        self.life.ended().await
    }

    /// What the client keeps of it.
    pub(crate) fn handle(&self) -> TaskHandle {
        TaskHandle { id: self.id.clone(), state: self.state.clone() }
    }

    /// Whether no caller waits for the end.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.callers) == 1
    }

    pub(crate) fn event(&self, message: impl Into<String>) {
        self.context.events.emit(&self.id, &self.identity, message);
    }
}
