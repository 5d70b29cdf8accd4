//! Recovery: a task of an earlier process of this driver is taken up again; nothing is restarted.

use std::sync::Arc;

use crate::context::Context;
use crate::error::DriverError;
use crate::exit::TaskExit;
use crate::ids::TaskId;
use crate::life::{Effect, Event, LifeCell, Report};
use crate::monitor;
use crate::ports::TaskState as Reported;
use crate::state::TaskState;
use crate::task::Task;

/// Takes the task up. A running one is watched again, an ended one keeps its exit code for those who wait.
pub(crate) async fn recover(
    context: Arc<Context>,
    id: TaskId,
    state: TaskState,
) -> Result<Arc<Task>, DriverError> {
    let identity = state.identity();
    let task = Task::new(context, id, identity, state, Arc::new(LifeCell::new()));
    let report = match task.context.ports.task_state(&task.container).await {
        Ok(Reported::Running { .. }) => Report::Running,
        Ok(Reported::Created { .. }) => Report::NeverStarted,
        Ok(Reported::Stopped(exit)) => {
            let oom = task.cgroup.oom_kills().is_ok_and(|kills| kills > task.state.oom_kills_before);
            Report::Stopped(TaskExit::confirmed(exit, oom))
        }
        Ok(Reported::Absent) if monitor::is_alive(&task) => Report::Alive,
        Ok(Reported::Absent) => Report::Gone,
        // Of a task that has ended meanwhile the daemon will tell the code when it is back.
        Err(error) if error.is_lost() && monitor::of_this_boot(&task) => {
            tracing::warn!(task = %task.id, %error, "recovered while containerd is away");
            Report::Unknown
        }
        Err(error) => return Err(error.into()),
    };
    if task.on(Event::Recovered(report))? == Effect::Watch {
        task.event("Recovered");
        monitor::watch(Arc::clone(&task), monitor::arm(&task));
    }
    Ok(task)
}
