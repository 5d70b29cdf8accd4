//! One task that the driver knows, and the registry of all of them.

use std::collections::HashMap;
use std::io::PipeWriter;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use linux_host::cgroup::TaskCgroup;
use tokio::sync::{OnceCell, Semaphore};

use crate::context::Context;
use crate::error::DriverError;
use crate::exit::TaskExit;
use crate::ids::{ContainerId, TaskId};
use crate::life::{Denial, Effect, Event, LifeCell, Stage};
use crate::spec::Identity;
use crate::state::TaskState;
use crate::stop::Stopping;

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

    pub(crate) fn event(&self, message: impl Into<String>) {
        self.context.events.emit(&self.id, &self.identity, message);
    }
}

/// All tasks that this process knows. The lock is never held across an await.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<TaskId, Arc<Task>>>);

impl Registry {
    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Task>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: &TaskId) -> Result<Arc<Task>, DriverError> {
        self.find(id).ok_or(DriverError::TaskNotFound)
    }

    pub(crate) fn find(&self, id: &TaskId) -> Option<Arc<Task>> {
        self.lock().get(id).cloned()
    }

    /// The task in the container: what a lost Destroy left.
    pub(crate) fn in_container(&self, container: &ContainerId) -> Option<Arc<Task>> {
        self.lock().values().find(|task| task.container == *container).cloned()
    }

    pub(crate) fn has_container(&self, container: &ContainerId) -> bool {
        self.lock().values().any(|task| task.container == *container)
    }

    /// Whether a task is in the container whose end is not confirmed.
    pub(crate) fn runs_in(&self, container: &ContainerId) -> bool {
        self.lock().values().any(|task| task.container == *container && task.phase() == Phase::Running)
    }

    /// A task in the container whose end is not confirmed, where no caller waits for any.
    pub(crate) fn abandoned_in(&self, container: &ContainerId) -> Option<Arc<Task>> {
        let tasks = self.lock();
        let is_running = |task: &&Arc<Task>| task.container == *container && task.phase() == Phase::Running;
        let mut running = tasks.values().filter(is_running);
        let first = running.next()?;
        let is_abandoned = |task: &Arc<Task>| Arc::strong_count(&task.callers) == 1;
        (is_abandoned(first) && running.all(is_abandoned)).then(|| Arc::clone(first))
    }

    /// Forgets the ended tasks of a container that was removed.
    pub(crate) fn forget_ended(&self, container: &ContainerId) {
        self.lock().retain(|_, task| task.container != *container || task.phase() == Phase::Running);
    }

    pub(crate) fn insert(&self, task: Arc<Task>) {
        self.lock().insert(task.id.clone(), task);
    }

    /// Forgets this very task; a later one of the same id stays.
    pub(crate) fn remove(&self, task: &Arc<Task>) {
        self.lock().retain(|_, known| !Arc::ptr_eq(known, task));
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }
}
