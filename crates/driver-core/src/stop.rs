//! Stopping: the signal, then SIGKILL to the whole cgroup at the timeout; parallel and repeated stops are one.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::DriverError;
use crate::monitor;
use crate::signal::Signal;
use crate::task::{Phase, Task};

/// How long the kernel and the daemon have to end a task after SIGKILL.
const KILL_PATIENCE: Duration = Duration::from_secs(60);

/// A stop under way: its result, once there is one.
pub(crate) type Stopping = watch::Receiver<Option<Result<(), Arc<DriverError>>>>;

/// Stops the task. Returns the moment it is dead; a task that has ended is success. A caller that goes away does not
/// end the stop.
pub(crate) async fn stop(task: &Arc<Task>, timeout: Duration, signal: &str) -> Result<(), Arc<DriverError>> {
    if task.phase() != Phase::Running {
        return Ok(());
    }
    let signal = chosen_signal(task, signal).map_err(Arc::new)?;
    let mut result = join_or_begin(task, timeout, signal);
    let ended = result.wait_for(Option::is_some).await.map(|result| (*result).clone());
    ended.ok().flatten().unwrap_or_else(|| Err(Arc::new(DriverError::Interrupted("the stop of the task"))))
}

/// The job's signal, else the image's, else SIGTERM.
fn chosen_signal(task: &Task, signal: &str) -> Result<Signal, DriverError> {
    match (signal, task.state.stop_signal.as_str()) {
        ("", "") => Ok(Signal::TERM),
        ("", of_image) => Ok(Signal::parse(of_image).unwrap_or(Signal::TERM)),
        (asked, _) => Signal::parse(asked),
    }
}

fn join_or_begin(task: &Arc<Task>, timeout: Duration, signal: Signal) -> Stopping {
    let mut stopping = task.stopping.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = stopping.as_ref().filter(|running| running.borrow().is_none()) {
        return running.clone();
    }
    let (sender, receiver) = watch::channel(None);
    *stopping = Some(receiver.clone());
    let task = Arc::clone(task);
    tokio::spawn(async move {
        let result = run(&task, timeout, signal).await.map_err(Arc::new);
        sender.send_replace(Some(result));
    });
    receiver
}

async fn run(task: &Task, timeout: Duration, signal: Signal) -> Result<(), DriverError> {
    let polite = async {
        send(task, signal).await?;
        task.wait().await.map(drop)
    };
    match tokio::time::timeout(timeout, polite).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(DriverError::TaskNotFound)) => return Ok(()),
        Ok(Err(error)) => tracing::warn!(task = %task.id, %error, "the stop signal could not be sent"),
        Err(_elapsed) => tracing::debug!(task = %task.id, "the task outlived its kill_timeout"),
    }
    kill(task).await
}

/// SIGKILL to everything in the task's cgroup, and the confirmed end.
pub(crate) async fn kill(task: &Task) -> Result<(), DriverError> {
    let cgroup = task.cgroup.clone();
    let deadly = async {
        if let Err(error) = task.context.ports.kill_task(&task.container, Signal::KILL.number(), true).await {
            tracing::debug!(task = %task.id, %error, "SIGKILL goes past containerd, by the cgroup");
            let killed = tokio::task::spawn_blocking(move || cgroup.kill_all(KILL_PATIENCE)).await;
            tracing::debug!(task = %task.id, ?killed, "killed by the cgroup");
        }
        task.wait().await.map(drop)
    };
    match tokio::time::timeout(KILL_PATIENCE, deadly).await {
        Ok(Ok(()) | Err(DriverError::TaskNotFound)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_elapsed) => Err(DriverError::Unkillable(task.id.to_string(), KILL_PATIENCE)),
    }
}

/// Sends a signal to the first process: through the daemon, or directly while the daemon is away.
pub(crate) async fn send(task: &Task, signal: Signal) -> Result<(), DriverError> {
    match task.context.ports.kill_task(&task.container, signal.number(), false).await {
        Err(error) if error.is_lost() && monitor::is_alive(task) => {
            linux_host::signal::send(task.state.pid, task.state.pid_started, signal.number()).map_err(
                |source| DriverError::host("can not signal the task while containerd is away")(source.into()),
            )
        }
        other => Ok(other?),
    }
}
