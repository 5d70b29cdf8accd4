//! Tasks that the Go driver of the same name started: adopted where they run, their log lines carried on.
//!
//! That driver let containerd write into FIFOs of its own making and copied them into Nomad's pipes itself. A task
//! that it started goes on writing there, so for such a task, and only for such a one, bytes pass through this process
//! until the task is gone. They do so within the kernel: this process may be killed at any moment as well.

mod logs;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::context::Context;
use crate::error::{DriverError, chain};
use crate::ids::{ContainerId, TaskId};
use crate::labels;
use crate::ports::TaskState as Reported;
use crate::recover;
use crate::spec::Identity;
use crate::state::TaskState;
use crate::task::Task;

/// What the handle of the Go driver (version 1) tells of a task, with what Nomad adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// Nomad's id of the task.
    pub id: TaskId,
    /// Who the task is.
    pub identity: Identity,
    /// The container's name in containerd.
    pub container: String,
    /// When it was started.
    pub started_at: SystemTime,
    /// Root of the allocation, beneath which Nomad's pipes lie.
    pub alloc_root: PathBuf,
    /// Nomad's pipe for standard output.
    pub stdout: PathBuf,
    /// Nomad's pipe for standard error.
    pub stderr: PathBuf,
}

/// Adopts the task: from here on it is one of ours.
///
/// The handle tells no process, so the daemon must be there; a daemon that is away is waited for as long as a call to
/// it may take.
pub(crate) async fn adopt(context: Arc<Context>, task: Predecessor) -> Result<Arc<Task>, DriverError> {
    let _or_the_call_tells = tokio::time::timeout(context.config.client_timeout, context.connected()).await;
    let container = ContainerId::existing(task.container.as_str());
    if let Some(record) = recover::record(&context, &task.identity.alloc_id, &container).await? {
        let seen = record.labels.get(labels::TASK_ID).cloned().unwrap_or_default();
        return Err(DriverError::Replaced { container: task.container, seen });
    }
    let state = state_of(&context, &container, &task).await?;
    let logs = match context.ports.task_stdio(&container).await {
        Ok(stdio) => logs::carry_on(&task, stdio),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = logs {
        tracing::warn!(task = %task.id, error = chain(&error), "the task's logs can not be carried on");
    }
    recover::recover(context, task.id, state).await
}

/// The state that this driver would have recorded. That driver started a task only seconds after it had told the
/// client of it; what its death kept it from starting is started here.
async fn state_of(context: &Context, id: &ContainerId, task: &Predecessor) -> Result<TaskState, DriverError> {
    let pid = match context.ports.task_state(id).await? {
        Reported::Running { pid } => pid,
        Reported::Created { pid } => {
            context.ports.start_task(id).await?;
            pid
        }
        Reported::Stopped(_) => 0,
        Reported::Absent => return Err(DriverError::Gone(id.to_string())),
    };
    let spec = context.ports.spec(id).await?;
    let cgroup = spec.linux().as_ref().and_then(|linux| linux.cgroups_path().clone()).unwrap_or_default();
    Ok(TaskState {
        cgroup: own_cgroup(cgroup, context, id),
        ..TaskState::of_process(context, id, &task.identity, pid, task.started_at)?
    })
}

/// containerd's default place is `/<namespace>/<id>`; a relative path would be below containerd's own cgroup.
fn own_cgroup(path: PathBuf, context: &Context, id: &ContainerId) -> PathBuf {
    if path.is_absolute() {
        return path;
    }
    Path::new("/").join(context.config.namespace(context.mode())).join(id.as_str())
}
