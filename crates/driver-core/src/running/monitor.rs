//! Watches one task until its end is confirmed; a lost connection is never an end.

use std::sync::Arc;
use std::time::Duration;

use linux_host::process::{self, PidFd};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::node::back_off::BackOff;
use crate::ports::{ContainersError, Exit, TaskState};
use crate::running::exit::TaskExit;
use crate::running::lifecycle::{Effect, Event};
use crate::running::oom;
use crate::running::task::Task;

/// How often the thread that waits for a lost task's process looks whether anybody still wants to know.
const THREAD_LOOK: Duration = Duration::from_secs(60);
/// How long a daemon that had lost the task has to tell its end after all.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// A wait that the daemon already has.
pub(crate) type Armed = JoinHandle<Result<Exit, ContainersError>>;

/// Asks the daemon for the end of a task, ahead of its start.
pub(crate) fn arm(task: &Task) -> Armed {
    let (ports, container) = (Arc::clone(&task.context.ports), task.container.clone());
    tokio::spawn(async move { ports.wait_task(&container).await })
}

/// The same for a task that this process did not start, or whose daemon was away: it may be another daemon by now, or
/// never have been told to keep the end.
pub(crate) fn arm_again(task: &Task) -> Armed {
    let (ports, container) = (Arc::clone(&task.context.ports), task.container.clone());
    tokio::spawn(async move {
        if let Err(error) = ports.keep_exit(&container).await {
            tracing::debug!(%container, %error, "an end while containerd is away may be told without its code");
        }
        ports.wait_task(&container).await
    })
}

/// Starts watching. The task's phase changes when its end is confirmed. Kills for lack of memory that are known are not
/// told again.
pub(crate) fn watch(task: Arc<Task>, armed: Armed, known_oom_kills: u64) {
    tokio::spawn(async move {
        let exit = oom::telling(&task, known_oom_kills, end_of(&task, armed)).await;
        task.event(sentence(&exit));
        if let Err(denial) = task.on(Event::Ended(exit)) {
            tracing::error!(task = %task.id, %denial, "the end of the task was told before");
        }
    });
}

fn sentence(exit: &TaskExit) -> String {
    match (&exit.lost, exit.signal) {
        (Some(reason), _) => format!("Container ended: {reason}"),
        (None, 0) => format!("Container exited with code {}", exit.code),
        (None, signal) => format!("Container was ended by signal {signal}"),
    }
}

async fn end_of(task: &Task, mut armed: Armed) -> TaskExit {
    let mut back_off = BackOff::default();
    loop {
        let lost = match armed.await {
            Ok(Ok(exit)) => return confirmed(task, exit),
            Ok(Err(error)) => {
                tracing::debug!(task = %task.id, %error, "the wait for the task's end broke off");
                error.is_lost()
            }
            Err(_) => false,
        };
        if lost {
            tell_loss(task);
        }
        // A wait that is armed before the state is told could succeed, and nobody would hear of the return.
        let mut runs = false;
        while !runs {
            task.context.connected().await;
            match task.context.ports.task_state(&task.container).await {
                Ok(TaskState::Stopped(exit)) => return confirmed(task, exit),
                Ok(TaskState::Absent) => return vanished(task).await,
                Ok(TaskState::Running { .. } | TaskState::Created { .. }) => {
                    runs = true;
                    if task.on(Event::Found).is_ok_and(|effect| effect == Effect::TellFound) {
                        task.event("Connected to containerd again; the task is running");
                        back_off = BackOff::default();
                    }
                }
                Err(error) => {
                    tracing::debug!(task = %task.id, %error, "the task's state can not be told");
                    if matches!(error, ContainersError::Lost { .. }) {
                        tell_loss(task);
                    }
                }
            }
            back_off.pause().await;
        }
        armed = arm_again(task);
    }
}

fn tell_loss(task: &Task) {
    if task.on(Event::Lost).is_ok_and(|effect| effect == Effect::TellLost) {
        task.event("Lost the connection to containerd; the task runs on");
    }
}

fn confirmed(task: &Task, exit: Exit) -> TaskExit {
    TaskExit::confirmed(exit, task.oom_killed())
}

/// The daemon does not know the task any more. As long as its process lives it has not ended.
async fn vanished(task: &Task) -> TaskExit {
    if is_alive(task) {
        task.event("containerd has lost the task; its process runs on");
    }
    let mut back_off = BackOff::default();
    while is_alive(task) {
        if let Err(error) = death_of(task.state.pid, task.state.pid_started).await {
            tracing::error!(task = %task.id, %error, "the process of the lost task can not be watched");
            back_off.pause().await;
        }
    }
    // A daemon that looked in the wrong place for a while may know it again.
    let asked = tokio::time::timeout(LAST_ANSWER, task.context.ports.task_state(&task.container)).await;
    match asked {
        Ok(Ok(TaskState::Stopped(exit))) => confirmed(task, exit),
        _ => TaskExit::code_lost("containerd lost its exit code".to_owned(), task.oom_killed()),
    }
}

/// Whether the very process that was started has not ended, as far as the kernel can be asked.
pub(crate) fn is_alive(task: &Task) -> bool {
    task.state.is_of_this_boot() && process::is_alive(task.state.pid, task.state.pid_started)
}

/// Returns when the process has ended. The thread belongs to no pool, so that a process that lives on holds up nothing.
async fn death_of(pid: u32, started: u64) -> std::io::Result<()> {
    let process = match PidFd::of_start(pid, started) {
        Ok(process) => process,
        Err(process::ProcessError::Gone { .. }) => return Ok(()),
        Err(error) => return Err(std::io::Error::other(error)),
    };
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name(format!("watch-{pid}")).spawn(move || {
        while !ended.is_closed() && matches!(process.wait(THREAD_LOOK), Ok(process::Exit::Running)) {}
        let _nobody_waits = ended.send(());
    })?;
    end.await.map_err(std::io::Error::other)
}
