//! Recovery: a task of an earlier process of this driver is taken up again; nothing is restarted.
//!
//! A client recovers its tasks one after another, so no task waits long for the daemon's word on it. One that is not
//! told of in time is taken up all the same, and what became of it is found out behind the client's back.

use std::sync::Arc;
use std::time::Duration;

use linux_host::process;

use super::patience::Patience;
use crate::error::DriverError;
use crate::exec;
use crate::node::context::Context;
use crate::node::labels;
use crate::ports::{ContainerRecord, ContainersError, TaskState as Reported};
use crate::request::ids::{ContainerId, TaskId};
use crate::running::exit::TaskExit;
use crate::running::lifecycle::{Effect, Event, LifeCell, Report};
use crate::running::monitor;
use crate::running::state::TaskState;
use crate::running::task::Task;

/// How long the daemon has to tell of a task whose process lives: that it runs is known without the daemon.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for a task whose process is gone; its exit code is worth more.
const PATIENCE_FOR_AN_END: Duration = Duration::from_secs(10);
/// Pause between two questions to a daemon that is there and gives no answer, for which there is no event.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes the task up. A running one is watched again, an ended one keeps its exit code for those who wait.
///
/// # Errors
/// When the task is gone, or its container is by now another one's.
pub(crate) async fn recover(
    context: Arc<Context>,
    together: &Patience,
    id: TaskId,
    state: TaskState,
) -> Result<Arc<Task>, DriverError> {
    if !state.is_of_this_boot() {
        if context.config.recover_stopped {
            context.kept_snapshots.remember(state.container_id());
        }
        return Err(DriverError::Rebooted(state.container));
    }
    let task = Task::new(context, id, state.identity(), state, Arc::new(LifeCell::new()));
    let patience = if monitor::is_alive(&task) { PATIENCE } else { PATIENCE_FOR_AN_END };
    let report = match together.wait(patience, look(&task)).await {
        Some(Err(error)) if error.is_lost() => {
            tracing::warn!(task = %task.id, %error, "recovered while containerd is away");
            Report::Unknown
        }
        Some(report) => report?,
        None => {
            tracing::warn!(task = %task.id, "recovered without containerd's word on it, which is overdue");
            Report::Unknown
        }
    };
    let is_unknown = report == Report::Unknown;
    if task.on(Event::Recovered(report))? == Effect::Watch {
        exec::sweep(&task).await;
        if is_unknown { settle_later(Arc::clone(&task)) } else { watch(&task) }
    }
    Ok(task)
}

fn watch(task: &Arc<Task>) {
    task.event("Recovered");
    // Those of before were told by the process that ran then, or can not be dated any more.
    let known_oom_kills = task.cgroup.oom_kills().unwrap_or(task.state.oom_kills_before);
    monitor::watch(Arc::clone(task), monitor::arm_again(task), known_oom_kills);
}

/// Asks the daemon, and holds what it says against what is known of the task.
async fn look(task: &Task) -> Result<Report, DriverError> {
    let replaced = |seen| DriverError::Replaced { container: task.container.to_string(), seen };
    Ok(match task.context.ports.task_state(&task.container).await? {
        Reported::Running { pid } if is_same(&task.state, pid) => Report::Running,
        Reported::Created { pid } if is_same(&task.state, pid) => Report::NeverStarted,
        Reported::Running { pid } | Reported::Created { pid } => {
            return Err(replaced(format!("pid {pid} instead of {}", task.state.pid)));
        }
        Reported::Stopped(exit) => match other_owner(task).await? {
            Some(owner) => return Err(replaced(owner)),
            None => Report::Stopped(TaskExit::confirmed(exit, task.oom_killed())),
        },
        Reported::Absent if monitor::is_alive(task) => Report::Alive,
        Reported::Absent => Report::Gone,
    })
}

/// Whether the daemon's process is the one that was started. A start time that could not be read then (0), or can
/// not be now because the process just ended, leaves the pid, which within one boot is the daemon's own word.
fn is_same(state: &TaskState, pid: u32) -> bool {
    let same_start = |started| state.pid_started == 0 || started == state.pid_started;
    pid == state.pid && process::start_time(pid).map_or(true, same_start)
}

/// The other task that the container's labels name, if they do.
async fn other_owner(task: &Task) -> Result<Option<String>, ContainersError> {
    let record = record(&task.context, &task.state.alloc_id, &task.container).await?;
    let owner = record.and_then(|mut record| record.labels.remove(labels::TASK_ID));
    Ok(owner.filter(|owner| owner != task.id.as_str()))
}

/// The container's record, if it carries this driver's labels.
pub(crate) async fn record(
    context: &Context,
    alloc_id: &str,
    container: &ContainerId,
) -> Result<Option<ContainerRecord>, ContainersError> {
    let mut wanted = labels::of_driver();
    wanted.insert(labels::ALLOC_ID.to_owned(), alloc_id.to_owned());
    let found = context.ports.find(&wanted).await?;
    Ok(found.into_iter().find(|record| record.id == *container))
}

/// Goes on asking without the caller. A task that turns out to be gone has ended with a code that nobody knows.
fn settle_later(task: Arc<Task>) {
    tokio::spawn(async move {
        let exit = loop {
            task.context.connected().await;
            let reason = match look(&task).await {
                Ok(Report::Running | Report::Alive) => {
                    let told = task.on(Event::Found);
                    tracing::debug!(task = %task.id, ?told, "containerd has told of the recovered task");
                    return watch(&task);
                }
                Ok(Report::Stopped(exit)) => break exit,
                Ok(Report::Gone | Report::NeverStarted) => DriverError::Gone(task.container.to_string()),
                Err(replaced @ DriverError::Replaced { .. }) => replaced,
                Ok(Report::Unknown) | Err(_) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            break TaskExit::code_lost(reason.to_string(), task.oom_killed());
        };
        task.event("The task that was recovered unseen has ended");
        if let Err(denial) = task.on(Event::Ended(exit)) {
            tracing::debug!(task = %task.id, %denial, "the end of the recovered task was told before");
        }
    });
}

#[cfg(test)]
mod tests;
