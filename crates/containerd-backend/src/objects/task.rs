//! Tasks: the processes of containers.

use std::path::Path;
use std::time::{Duration, Instant};

use containerd_client::services::v1::{
    CreateTaskRequest, DeleteTaskRequest, GetRequest, KillRequest, ResumeTaskRequest, StartRequest,
    WaitRequest,
};
use containerd_client::types::v1::{Process, Status};
use driver_core::ports::{ContainersError, Exit, Rootfs, Stdio, TaskState};

use crate::grpc::backoff::Backoff;
use crate::grpc::classify::ErrorKind;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::{RpcError, gone_is_fine};
use crate::grpc::time;
use crate::grpc::wire;
use crate::quirks::runc_leftovers;

/// The operation of creating a task.
const CREATE: &str = "create the task";
/// Shortest deadline of creating a task: containerd itself gives up after 30 s and cleans up, while a call that is
/// broken off before leaves the runtime's container behind in every version.
const CREATE_LIMIT: Duration = Duration::from_secs(45);
/// How often a runtime that may have lost its files to a clean-up is tried again; it may as well be broken.
const OVERTAKEN_TRIES: u32 = 3;
/// The operation of asking for its state.
const STATE: &str = "ask for the task";

/// Creates the task; gives its process id. What an earlier attempt left is waited for or removed.
pub(crate) async fn create(
    daemon: &Daemon,
    id: &str,
    root: &Rootfs,
    stdio: &Stdio,
) -> Result<u32, ContainersError> {
    let request = CreateTaskRequest {
        container_id: id.to_owned(),
        rootfs: wire::mounts_to_wire(root),
        stdin: text(&stdio.stdin)?,
        stdout: text(&stdio.stdout)?,
        stderr: text(&stdio.stderr)?,
        terminal: stdio.terminal,
        ..CreateTaskRequest::default()
    };
    let (begin, mut backoff, mut removed) = (Instant::now(), Backoff::default(), false);
    let mut overtaken = 0;
    loop {
        let refused = match try_create(daemon, id, request.clone()).await {
            Ok(pid) => return Ok(pid),
            Err(refused) => refused,
        };
        match &refused.kind {
            // No event tells that containerd has cleaned up.
            ErrorKind::StillThere if begin.elapsed() < daemon.timeout() => {
                tokio::time::sleep(backoff.next_delay()).await;
            }
            ErrorKind::Overtaken(_) if overtaken < OVERTAKEN_TRIES => {
                overtaken += 1;
                tokio::time::sleep(backoff.next_delay()).await;
            }
            ErrorKind::AlreadyExists if !removed && get(daemon, id).await?.is_none() => {
                delete(daemon, id).await?;
                runc_leftovers::remove(daemon, id).await?;
                removed = true;
            }
            // containerd itself ended the attempt and cleans up: a pipe without a reader, a host under load.
            ErrorKind::GaveUp(reason) => {
                let reason = format!(
                    "containerd gave up, as no one reads the log pipes or the shim is stuck ({reason})"
                );
                return Err(ContainersError::GaveUp { operation: CREATE, reason });
            }
            _ => return Err(refused.into()),
        }
    }
}

async fn try_create(daemon: &Daemon, id: &str, request: CreateTaskRequest) -> Result<u32, RpcError> {
    let mut tasks = daemon.tasks();
    let limit = daemon.timeout().max(CREATE_LIMIT);
    Ok(daemon.call_within(limit, CREATE, id, tasks.create(request)).await?.pid)
}

/// A path as the wire has it; containerd takes plain paths of FIFOs, and the empty one for none.
pub(crate) fn text(path: &Path) -> Result<String, ContainersError> {
    match path.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => Err(ContainersError::Failed {
            operation: "name a pipe",
            reason: format!("{} is not UTF-8", path.display()),
        }),
    }
}

/// Starts a task, or an exec of it; gives its process id.
pub(crate) async fn start(daemon: &Daemon, id: &str, exec_id: &str) -> Result<u32, RpcError> {
    let request = StartRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned() };
    let mut tasks = daemon.tasks();
    let operation = if exec_id.is_empty() { "start the task" } else { "start the exec" };
    Ok(daemon.call(operation, id, tasks.start(request)).await?.pid)
}

/// Waits for the end of a task or an exec, however long it takes.
pub(crate) async fn wait(daemon: &Daemon, id: &str, exec_id: &str) -> Result<Exit, RpcError> {
    let request = WaitRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned() };
    let mut tasks = daemon.tasks();
    let ended = daemon.long_call("wait for the end", id, tasks.wait(request)).await?;
    Ok(Exit { code: ended.exit_status, at: time::from_wire(ended.exited_at) })
}

/// Sends a signal to a task or an exec; one that is gone, or has ended, can not be found.
pub(crate) async fn kill(
    daemon: &Daemon,
    id: &str,
    exec_id: &str,
    signal: i32,
    all: bool,
) -> Result<(), RpcError> {
    let signal = u32::try_from(signal).map_err(|_| {
        daemon.refused("send a signal", id, ErrorKind::Failed(format!("{signal} is not a signal")))
    })?;
    let request = KillRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned(), signal, all };
    let mut tasks = daemon.tasks();
    daemon.call("send a signal", id, tasks.kill(request)).await
}

/// The state, asked for until the daemon can tell: a shim that is stuck makes it answer with an unknown one.
pub(crate) async fn state(daemon: &Daemon, id: &str) -> Result<TaskState, RpcError> {
    let (begin, mut backoff) = (Instant::now(), Backoff::default());
    loop {
        if let Some(state) = known(get(daemon, id).await?.as_ref()) {
            return Ok(state);
        }
        if begin.elapsed() >= daemon.timeout() {
            return Err(daemon.refused(STATE, id, ErrorKind::TimedOut(daemon.timeout())));
        }
        // No event tells that a shim answers again.
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// The FIFOs that the task was created with.
pub(crate) async fn stdio(daemon: &Daemon, id: &str) -> Result<Stdio, RpcError> {
    let process = get(daemon, id).await?;
    let process = process.ok_or_else(|| daemon.refused(STATE, id, ErrorKind::NotFound))?;
    Ok(Stdio {
        stdin: process.stdin.into(),
        stdout: process.stdout.into(),
        stderr: process.stderr.into(),
        terminal: process.terminal,
    })
}

async fn get(daemon: &Daemon, id: &str) -> Result<Option<Process>, RpcError> {
    let request = GetRequest { container_id: id.to_owned(), exec_id: String::new() };
    let mut tasks = daemon.tasks();
    match daemon.call(STATE, id, tasks.get(request)).await {
        Ok(response) => Ok(response.process),
        Err(refused) if refused.is_not_found() => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// What an answer means; nothing when it tells nothing.
fn known(process: Option<&Process>) -> Option<TaskState> {
    let Some(process) = process else { return Some(TaskState::Absent) };
    match process.status() {
        Status::Stopped => Some(TaskState::Stopped(Exit {
            code: process.exit_status,
            at: time::from_wire(process.exited_at),
        })),
        Status::Created if process.pid > 0 => Some(TaskState::Created { pid: process.pid }),
        Status::Running | Status::Paused | Status::Pausing if process.pid > 0 => {
            Some(TaskState::Running { pid: process.pid })
        }
        Status::Unknown | Status::Created | Status::Running | Status::Paused | Status::Pausing => None,
    }
}

/// Makes sure that there is no task: kills it with all its processes, waits for its end, deletes it. Tells whether it
/// was this call that deleted it.
///
/// A task that can not be found is deleted, too: a daemon that died in the middle of deleting it takes up its shim
/// again, which has no process any more, and would call every later task of this id a second one.
pub(crate) async fn remove(daemon: &Daemon, id: &str) -> Result<bool, RpcError> {
    if remove_found(daemon, id).await? {
        return Ok(true);
    }
    match delete(daemon, id).await {
        // A create that was broken off may have come about in between.
        Err(RpcError { kind: ErrorKind::Failed(_), .. }) if remove_found(daemon, id).await? => Ok(true),
        deleted => deleted,
    }
}

async fn remove_found(daemon: &Daemon, id: &str) -> Result<bool, RpcError> {
    let Some(process) = get(daemon, id).await? else { return Ok(false) };
    end(daemon, id, &process).await?;
    delete(daemon, id).await
}

/// Tells whether there was something to delete.
async fn delete(daemon: &Daemon, id: &str) -> Result<bool, RpcError> {
    let mut tasks = daemon.tasks();
    let request = DeleteTaskRequest { container_id: id.to_owned() };
    match daemon.call("delete the task", id, tasks.delete(request)).await {
        Err(refused) if refused.is_not_found() => Ok(false),
        deleted => deleted.map(|_| true),
    }
}

/// Kills the task unless it has ended, and waits for its end.
async fn end(daemon: &Daemon, id: &str, process: &Process) -> Result<(), RpcError> {
    if process.status() != Status::Stopped {
        if matches!(process.status(), Status::Paused | Status::Pausing) {
            // A frozen process takes its signal only when it thaws.
            let request = ResumeTaskRequest { container_id: id.to_owned() };
            let mut tasks = daemon.tasks();
            gone_is_fine(daemon.call("resume the task", id, tasks.resume(request)).await)?;
        }
        gone_is_fine(kill(daemon, id, "", SIGKILL, true).await)?;
        match tokio::time::timeout(daemon.timeout(), wait(daemon, id, "")).await {
            Ok(Ok(_)) => {}
            Ok(Err(refused)) => gone_is_fine(Err(refused))?,
            Err(_) => {
                return Err(daemon.refused("wait for the end", id, ErrorKind::TimedOut(daemon.timeout())));
            }
        }
    }
    Ok(())
}

/// The signal that can not be ignored.
const SIGKILL: i32 = 9;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use prost_types::Timestamp;

    use super::*;

    fn process(status: Status, pid: u32) -> Process {
        Process {
            status: status.into(),
            pid,
            exit_status: 3,
            exited_at: Some(Timestamp { seconds: 9, nanos: 0 }),
            ..Process::default()
        }
    }

    #[test]
    fn a_task_that_is_gone_is_absent() {
        assert_eq!(known(None), Some(TaskState::Absent));
    }

    #[test]
    fn an_unknown_status_is_no_answer() {
        assert_eq!(known(Some(&process(Status::Unknown, 0))), None);
        assert_eq!(known(Some(&process(Status::Unknown, 7))), None);
        assert_eq!(known(Some(&process(Status::Running, 0))), None);
    }

    #[test]
    fn a_paused_task_runs() {
        assert_eq!(known(Some(&process(Status::Paused, 7))), Some(TaskState::Running { pid: 7 }));
    }

    #[test]
    fn only_a_stopped_task_has_ended() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        assert_eq!(known(Some(&process(Status::Stopped, 7))), Some(TaskState::Stopped(Exit { code: 3, at })));
        assert_eq!(known(Some(&process(Status::Created, 7))), Some(TaskState::Created { pid: 7 }));
    }
}
