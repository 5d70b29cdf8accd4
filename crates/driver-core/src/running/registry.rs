//! All tasks that this process knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::starting::Starts;
use super::task::{Phase, Task};
use crate::error::DriverError;
use crate::node::container_locks::ContainerLocks;
use crate::node::node_id::NodeId;
use crate::request::ids::{ContainerId, TaskId};

/// What outlives one configuration of the driver: its tasks, whose turn it is, and which node this is.
#[derive(Clone, Default)]
pub(crate) struct Known {
    pub(crate) tasks: Arc<Registry>,
    pub(crate) locks: Arc<ContainerLocks>,
    pub(crate) node: Arc<NodeId>,
    pub(crate) starts: Starts,
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

    /// The task of this id, if it runs as far as anybody knows.
    pub(crate) fn running(&self, id: &TaskId) -> Option<Arc<Task>> {
        self.find(id).filter(|task| task.phase() == Phase::Running)
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
        (first.is_abandoned() && running.all(|task| task.is_abandoned())).then(|| Arc::clone(first))
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
