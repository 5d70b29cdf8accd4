//! Tasks that the Go driver of the same name started: adopted where they run, their log lines carried on.
//!
//! That driver let containerd write into FIFOs of its own making and copied them into Nomad's pipes itself. A task
//! that it started goes on writing there, so for such a task, and only for such a one, bytes pass through this process
//! until the task is gone. They do so within the kernel: this process may be killed at any moment as well.

mod logs;
mod task;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use linux_host::cgroup::TaskCgroup;
use linux_host::process;

use super::patience::Patience;
use crate::error::DriverError;
use crate::node::context::Context;
use crate::node::labels;
use crate::ports::{ContainersError, TaskState as Reported};
use crate::recovery::recover;
use crate::request::ids::ContainerId;
use crate::running::state::TaskState;
use crate::running::task::Task;

pub use task::GoDriverTask;
use task::PATIENCE;

/// Adopts the task: from here on it is one of ours.
///
/// Its handle tells no process. While containerd gives no answer the task's own cgroup does, so that a daemon that is
/// away ends no task.
pub(crate) async fn adopt(
    context: Arc<Context>,
    together: &Patience,
    task: GoDriverTask,
) -> Result<Arc<Task>, DriverError> {
    let container = ContainerId::existing(task.container.as_str());
    let asked = together.wait(PATIENCE, ask(&context, &container, &task)).await;
    let overdue = ContainersError::TimedOut { operation: "ask for a task of the Go driver", limit: PATIENCE };
    let state = match asked.unwrap_or_else(|| Err(overdue.into())) {
        Err(error) if error.is_lost() => unseen(&context, &container, &task).ok_or(error)?,
        state => state?,
    };
    let pipe = std::io::pipe();
    let (given_up, wanted) =
        pipe.map_err(|error| DriverError::host("a pipe for the task's logs")(error.into()))?;
    logs::carry_on(&context, &container, &task, given_up).await;
    let task = recover::recover(context, together, task.id, state).await?;
    let _first = task.wants_logs.set(wanted);
    Ok(task)
}

async fn ask(context: &Context, id: &ContainerId, task: &GoDriverTask) -> Result<TaskState, DriverError> {
    if let Some(record) = recover::record(context, &task.identity.alloc_id, id).await? {
        let seen = record.labels.get(labels::TASK_ID).cloned().unwrap_or_default();
        return Err(DriverError::Replaced { container: id.to_string(), seen });
    }
    state_of(context, id, task).await
}

/// The state by what the kernel tells: of all processes in the task's cgroup the first one started first.
fn unseen(context: &Context, id: &ContainerId, task: &GoDriverTask) -> Option<TaskState> {
    let cgroup = own_cgroup(PathBuf::new(), context, id);
    let pids = TaskCgroup::new(context.cgroups.clone(), &cgroup).pids().ok()?;
    let started = pids.into_iter().filter_map(|pid| Some((process::start_time(pid).ok()?, pid)));
    let (_, first) = started.min()?;
    let state = TaskState::of_process(context, id, &task.identity, first, task.started_at).ok()?;
    Some(TaskState { cgroup, ..state })
}

/// The state that this driver would have recorded. That driver started a task only seconds after it had told the
/// client of it; what its death kept it from starting is started here.
async fn state_of(
    context: &Context,
    id: &ContainerId,
    task: &GoDriverTask,
) -> Result<TaskState, DriverError> {
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
    Path::new("/").join(context.namespace()).join(id.as_str())
}
