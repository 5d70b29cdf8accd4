//! Tasks that the Go driver of the same name started: adopted where they run, their log lines carried on.
//!
//! That driver let containerd write into FIFOs of its own making and copied them into Nomad's pipes itself. A task
//! that it started goes on writing there, so for such a task, and only for such a one, bytes pass through this process
//! until the task is gone.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use linux_host::fifo::{self, LogTarget};
use linux_host::process;
use tokio::io::{AsyncWriteExt, copy};
use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

use crate::context::Context;
use crate::error::DriverError;
use crate::ids::{ContainerId, TaskId};
use crate::ports::TaskState as Reported;
use crate::recover;
use crate::spec::Identity;
use crate::state::{TaskState, millis};
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
pub(crate) async fn adopt(context: Arc<Context>, task: Predecessor) -> Result<Arc<Task>, DriverError> {
    let container = ContainerId::existing(task.container.as_str());
    let state = state_of(&context, &container, &task).await?;
    let stdio = context.ports.task_stdio(&container).await;
    let adopted = recover::recover(context, task.id, state).await?;
    match stdio {
        Ok(stdio) => {
            carry_on(&adopted, stdio.stdout, task.stdout, &task.alloc_root);
            carry_on(&adopted, stdio.stderr, task.stderr, &task.alloc_root);
        }
        Err(error) => tracing::warn!(task = %adopted.id, %error, "the task's own log pipes can not be found"),
    }
    Ok(adopted)
}

async fn state_of(context: &Context, id: &ContainerId, task: &Predecessor) -> Result<TaskState, DriverError> {
    let pid = match context.ports.task_state(id).await? {
        Reported::Running { pid } | Reported::Created { pid } => pid,
        Reported::Stopped(_) => 0,
        Reported::Absent => return Err(DriverError::Gone(id.to_string())),
    };
    let spec = context.ports.spec(id).await?;
    let cgroup = spec.linux().as_ref().and_then(|linux| linux.cgroups_path().clone()).unwrap_or_default();
    let boot_id = process::boot_id().map_err(|error| DriverError::host("the boot id")(error.into()))?;
    Ok(TaskState {
        container: id.to_string(),
        namespace: context.config.namespace(context.mode()),
        pid,
        pid_started: process::start_time(pid).unwrap_or_default(),
        boot_id,
        started_at_ms: millis(task.started_at),
        cgroup: own_cgroup(cgroup, context, id),
        cpuset_dir: PathBuf::new(),
        oom_kills_before: 0,
        stop_signal: String::new(),
        alloc_id: task.identity.alloc_id.clone(),
        task: task.identity.task.clone(),
        node_id: task.identity.node_id.clone(),
        image_digest: String::new(),
    })
}

/// containerd's default place is `/<namespace>/<id>`; a relative path would be below containerd's own cgroup.
fn own_cgroup(path: PathBuf, context: &Context, id: &ContainerId) -> PathBuf {
    if path.is_absolute() {
        return path;
    }
    Path::new("/").join(context.config.namespace(context.mode())).join(id.as_str())
}

/// Copies one pipe in the background until the shim closes it.
fn carry_on(task: &Arc<Task>, from: PathBuf, to: PathBuf, alloc_root: &Path) {
    let name = task.id.clone();
    match open(&from, &to, alloc_root) {
        Ok(None) => {}
        Ok(Some((mut reader, mut writer))) => {
            tokio::spawn(async move {
                let copied = copy(&mut reader, &mut writer).await;
                tracing::debug!(task = %name, ?copied, "the log of a task of the Go driver has ended");
                let _closed = writer.shutdown().await;
            });
        }
        Err(error) => {
            tracing::warn!(task = %name, error = crate::chain(&error), "the task's log can not be carried on");
        }
    }
}

/// Both ends, opened without waiting for anybody: Nomad's log collector comes back after the recovery.
fn open(from: &Path, to: &Path, alloc_root: &Path) -> Result<Option<(Receiver, Sender)>, DriverError> {
    let pipe = DriverError::host("a log pipe of the task can not be used");
    let target = match fifo::check_beneath(alloc_root, to) {
        Ok(LogTarget::Fifo(target)) => target,
        Ok(LogTarget::Null) => return Ok(None),
        Err(error) => return Err(pipe(error.into())),
    };
    let checked = PathBuf::from(format!("/proc/self/fd/{}", target.as_raw_fd()));
    let writer = OpenOptions::new()
        .read_write(true)
        .open_sender(checked)
        .map_err(DriverError::file("can not open", to))?;
    let reader = OpenOptions::new().open_receiver(from).map_err(DriverError::file("can not open", from))?;
    Ok(Some((reader, writer)))
}
