//! Stopping: the signal, then SIGKILL to the whole cgroup at the timeout; parallel and repeated stops are one.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use linux_host::process::{PidFd, ProcessError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::DriverError;
use crate::ports::ContainersError;
use crate::request::signal::Signal;
use crate::running::lifecycle::{Effect, Event};
use crate::running::monitor;
use crate::running::task::{Phase, Stopping, Task};

/// How long the kernel and the daemon have to end a task after SIGKILL.
const KILL_PATIENCE: Duration = Duration::from_secs(60);
/// How much of it the daemon has before the kernel is told directly. A daemon or a shim that stands still keeps its
/// caller for the whole deadline of a call, and a signal must not wait for that.
const DAEMON_PATIENCE: Duration = Duration::from_secs(5);
/// The same for a signal by itself, which no time runs out for: one that is late and not lost would be sent twice.
const SIGNAL_PATIENCE: Duration = Duration::from_secs(20);

/// Stops the task. Returns the moment it is dead; a task that has ended is success. A caller that goes away does not
/// end the stop.
pub(crate) async fn stop(task: &Arc<Task>, timeout: Duration, signal: &str) -> Result<(), Arc<DriverError>> {
    if task.phase() != Phase::Running {
        return Ok(());
    }
    let signal = chosen_signal(task, signal).map_err(Arc::new)?;
    let Some(mut result) = join_or_begin(task, timeout, signal).map_err(Arc::new)? else { return Ok(()) };
    let ended = result.wait_for(Option::is_some).await.map(|result| (*result).clone());
    ended.ok().flatten().unwrap_or_else(|| Err(Arc::new(DriverError::Interrupted("the stop of the task"))))
}

/// The job's signal, else the image's, else SIGTERM.
fn chosen_signal(task: &Task, signal: &str) -> Result<Signal, DriverError> {
    match (signal, task.state.stop_signal.as_str()) {
        ("", "") => Ok(Signal::TERM),
        ("", of_image) => Ok(Signal::parse(of_image).unwrap_or(Signal::TERM)),
        (asked, _) => Ok(Signal::parse(asked)?),
    }
}

/// The stop that is under way, or a new one; none when the task has ended.
fn join_or_begin(
    task: &Arc<Task>,
    timeout: Duration,
    signal: Signal,
) -> Result<Option<Stopping>, DriverError> {
    let mut stopping = task.stopping.lock().unwrap_or_else(PoisonError::into_inner);
    match task.on(Event::Stop)? {
        Effect::Signal => {}
        Effect::Join => return Ok(stopping.clone()),
        _ => return Ok(None),
    }
    let (sender, receiver) = watch::channel(None);
    *stopping = Some(receiver.clone());
    let task = Arc::clone(task);
    tokio::spawn(async move {
        let result = run(&task, timeout, signal).await.map_err(Arc::new);
        if result.is_err() {
            // It may have ended meanwhile; otherwise it can be stopped anew.
            let _ended = task.on(Event::StopFailed);
        }
        sender.send_replace(Some(result));
    });
    Ok(Some(receiver))
}

async fn run(task: &Arc<Task>, timeout: Duration, signal: Signal) -> Result<(), DriverError> {
    let polite = async {
        // Should the daemon not pass it on, the process needs time for it all the same.
        send_within(DAEMON_PATIENCE.min(timeout / 2), task, signal).await?;
        task.wait().await;
        Ok::<_, DriverError>(())
    };
    match tokio::time::timeout(timeout, polite).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => tracing::warn!(task = %task.id, %error, "the stop signal could not be sent"),
        Err(_elapsed) => tracing::debug!(task = %task.id, "the task outlived its kill_timeout"),
    }
    kill(task).await
}

/// SIGKILL to everything in the task's cgroup, and the confirmed end. Where the daemon does not bring it about, because it
/// is away, stands still or has lost the task, or because the task is frozen, the cgroup is killed without it.
pub(crate) async fn kill(task: &Arc<Task>) -> Result<(), DriverError> {
    let by_daemon = async {
        task.context.ports.kill_task(&task.container, Signal::KILL.number(), true).await?;
        task.wait().await;
        Ok::<_, ContainersError>(())
    };
    match tokio::time::timeout(DAEMON_PATIENCE, by_daemon).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => tracing::debug!(task = %task.id, %error, "SIGKILL goes past containerd"),
        Err(_elapsed) => tracing::debug!(task = %task.id, "no end by containerd; SIGKILL goes past it"),
    }
    let (begun, limit) = (Instant::now(), KILL_PATIENCE - DAEMON_PATIENCE);
    let killing = {
        let task = Arc::clone(task);
        tokio::task::spawn_blocking(move || kill_past_daemon(&task, limit))
    };
    let source = killing.await.unwrap_or_else(|error| Err(error.into())).err();
    let ended = tokio::time::timeout(limit.saturating_sub(begun.elapsed()), task.wait()).await;
    ended.map(drop).map_err(|_elapsed| {
        let id = task.id.to_string();
        match monitor::is_alive(task) {
            true => DriverError::Unkillable { task: id, limit: KILL_PATIENCE, source },
            false => DriverError::Unconfirmed { task: id, source },
        }
    })
}

/// Blocks until the kernel has ended everything in the task's cgroup, and its first process should that be elsewhere.
fn kill_past_daemon(task: &Task, limit: Duration) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let begun = std::time::Instant::now();
    let killed = task.cgroup.kill_all(limit);
    if monitor::is_alive(task) {
        match PidFd::of_start(task.state.pid, task.state.pid_started) {
            Err(ProcessError::Gone { .. }) => {}
            first => {
                let first = first?;
                first.kill()?;
                first.wait(limit.saturating_sub(begun.elapsed()))?;
            }
        }
    }
    Ok(killed?)
}

/// Sends a signal to the first process: through the daemon, or directly while the daemon is away, stands still or has lost
/// the task. A task that has ended is success.
pub(crate) async fn send(task: &Task, signal: Signal) -> Result<(), DriverError> {
    send_within(SIGNAL_PATIENCE, task, signal).await
}

async fn send_within(limit: Duration, task: &Task, signal: Signal) -> Result<(), DriverError> {
    let by_daemon = task.context.ports.kill_task(&task.container, signal.number(), false);
    let overdue = ContainersError::TimedOut { operation: "send a signal", limit };
    match tokio::time::timeout(limit, by_daemon).await.unwrap_or(Err(overdue)) {
        Err(error) if (error.is_lost() || error.is_not_found()) && monitor::is_alive(task) => {
            tracing::info!(task = %task.id, signal = signal.number(), %error, "the signal goes past containerd");
            match linux_host::signal::send(task.state.pid, task.state.pid_started, signal.number()) {
                Ok(()) | Err(ProcessError::Gone { .. }) => Ok(()),
                Err(source) => {
                    Err(DriverError::host("can not signal the task past containerd")(source.into()))
                }
            }
        }
        Err(error) if error.is_not_found() => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests;
