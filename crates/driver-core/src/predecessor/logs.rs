//! The log lines of a task of the Go driver, carried from its FIFOs into Nomad's pipes until the shim closes them.
//!
//! The shim keeps both ends of its FIFOs open, so what the task wrote after its driver died waits there. Nomad's pipe
//! is held at both ends here, so what was moved waits there for a log collector that is away.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use linux_host::fifo::{self, FifoError, LogTarget};
use linux_host::splice;
use tokio::time::timeout;

use super::Predecessor;
use crate::context::Context;
use crate::error::{DriverError, chain};
use crate::ids::{ContainerId, TaskId};
use crate::ports::{ContainersError, Stdio};

/// Pause between two questions to a daemon that is there and gives no answer, for which there is no event.
const PAUSE: Duration = Duration::from_secs(1);

/// Carries both streams in the background, as soon as the daemon tells the FIFOs; it is not waited for long.
pub(super) async fn carry_on(context: &Arc<Context>, id: &ContainerId, task: &Predecessor) {
    match timeout(super::PATIENCE, context.ports.task_stdio(id)).await {
        Ok(Err(error)) if error.is_lost() => begin_later(context, id, task),
        Ok(told) => begin_if(told, task),
        Err(_elapsed) => begin_later(context, id, task),
    }
}

fn begin_later(context: &Arc<Context>, id: &ContainerId, task: &Predecessor) {
    let (context, id, task) = (Arc::clone(context), id.clone(), task.clone());
    tokio::spawn(async move {
        loop {
            context.connected().await;
            match context.ports.task_stdio(&id).await {
                Err(error) if error.is_lost() => tokio::time::sleep(PAUSE).await,
                told => return begin_if(told, &task),
            }
        }
    });
}

fn begin_if(told: Result<Stdio, ContainersError>, task: &Predecessor) {
    if let Err(error) = told.map_err(DriverError::from).and_then(|stdio| begin(task, stdio)) {
        tracing::warn!(task = %task.id, error = chain(&error), "the task's logs can not be carried on");
    }
}

/// Carries on threads that belong to no pool. When both streams have ended the FIFOs are removed, as their maker would
/// have done.
fn begin(task: &Predecessor, from: Stdio) -> Result<(), DriverError> {
    let stdout = Stream::open(task, &from.stdout, &task.stdout)?;
    let stderr = Stream::open(task, &from.stderr, &task.stderr)?;
    let carry_both = move || {
        thread::scope(|both| {
            both.spawn(|| stdout.carry());
            stderr.carry();
        });
        remove(&from);
    };
    let thread = thread::Builder::new().name("go-task-logs".to_owned());
    thread
        .spawn(carry_both)
        .map_err(|error| DriverError::host("a thread for the task's logs")(error.into()))?;
    Ok(())
}

/// One FIFO of the task and where its lines go.
struct Stream {
    task: TaskId,
    from: OwnedFd,
    to: OwnedFd,
}

impl Stream {
    /// Opens both ends without waiting for anybody: Nomad's log collector comes back after the recovery. A target that
    /// can not be used must not hold the task up, so its lines go nowhere then.
    fn open(task: &Predecessor, from: &Path, to: &Path) -> Result<Self, DriverError> {
        let reader = fifo::open_read(from)
            .map_err(|error| DriverError::host("a FIFO of the Go driver")(error.into()))?;
        let target = match open_target(&task.alloc_root, to) {
            Ok(Some(pipe)) => pipe,
            Ok(None) => null()?,
            Err(error) => {
                tracing::error!(task = %task.id, error = chain(&error), "a log of the task can not be carried on");
                null()?
            }
        };
        Ok(Self { task: task.id.clone(), from: reader, to: target })
    }

    /// Returns when the shim has closed the FIFO and all of it was moved.
    fn carry(&self) {
        match splice::to_the_end(&self.from, &self.to) {
            Ok(()) => tracing::debug!(task = %self.task, "a log of a task of the Go driver has ended"),
            Err(error) => tracing::error!(task = %self.task, %error, "a log of the task broke off"),
        }
    }
}

/// Nomad's pipe; none when the client collects no logs.
fn open_target(alloc_root: &Path, path: &Path) -> Result<Option<OwnedFd>, FifoError> {
    match fifo::check_beneath(alloc_root, path)? {
        LogTarget::Fifo(checked) => fifo::open_both(&checked).map(Some),
        LogTarget::Null => Ok(None),
    }
}

fn null() -> Result<OwnedFd, DriverError> {
    let null = std::fs::File::options().write(true).open("/dev/null");
    Ok(null.map_err(DriverError::file("can not open", "/dev/null"))?.into())
}

/// Removes the FIFOs, and their directory when nothing else is in it.
fn remove(stdio: &Stdio) {
    let paths = [&stdio.stdin, &stdio.stdout, &stdio.stderr];
    let fifos = paths.into_iter().filter(|path| matches!(fifo::check(path), Ok(LogTarget::Fifo(_))));
    let fifos: Vec<&PathBuf> = fifos.collect();
    for path in &fifos {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(?path, %error, "a FIFO of the Go driver can not be removed");
        }
    }
    if let Some(directory) = fifos.first().and_then(|path| path.parent()) {
        let removed = std::fs::remove_dir(directory);
        tracing::debug!(?directory, ?removed, "the directory of the Go driver's FIFOs");
    }
}
