//! The log lines of a task of the Go driver, carried from its FIFOs into Nomad's pipes until the shim closes them.
//!
//! The shim keeps both ends of its FIFOs open, so what the task wrote after its driver died waits there. Nomad's pipe
//! is held at both ends here, so what was moved waits there for a log collector that is away; when the task is dropped,
//! a full one is not waited for any longer.

use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use linux_host::fifo::{self, FifoError, LogTarget};
use linux_host::splice;
use tokio::time::timeout;

use super::task::{GoDriverTask, PATIENCE};
use crate::error::{DriverError, chain};
use crate::node::context::Context;
use crate::ports::{ContainersError, Stdio};
use crate::request::ids::{ContainerId, TaskId};

/// Pause between two questions to a daemon that is there and gives no answer, for which there is no event.
const PAUSE: Duration = Duration::from_secs(1);

/// Carries both streams in the background, as soon as the daemon tells the FIFOs; it is not waited for long.
/// The writer of `given_up` is dropped with the task.
pub(super) async fn carry_on(
    context: &Arc<Context>,
    id: &ContainerId,
    task: &GoDriverTask,
    given_up: PipeReader,
) {
    match timeout(PATIENCE, context.ports.task_stdio(id)).await {
        Ok(Err(error)) if error.is_lost() => begin_later(context, id, task, given_up),
        Ok(told) => begin_if(told, task, given_up),
        Err(_elapsed) => begin_later(context, id, task, given_up),
    }
}

fn begin_later(context: &Arc<Context>, id: &ContainerId, task: &GoDriverTask, given_up: PipeReader) {
    let (context, id, task) = (Arc::clone(context), id.clone(), task.clone());
    tokio::spawn(async move {
        loop {
            context.connected().await;
            match context.ports.task_stdio(&id).await {
                Err(error) if error.is_lost() => tokio::time::sleep(PAUSE).await,
                told => return begin_if(told, &task, given_up),
            }
        }
    });
}

fn begin_if(told: Result<Stdio, ContainersError>, task: &GoDriverTask, given_up: PipeReader) {
    if let Err(error) = told.map_err(DriverError::from).and_then(|stdio| begin(task, stdio, given_up)) {
        tracing::warn!(task = %task.id, error = chain(&error), "the task's logs can not be carried on");
    }
}

/// Carries on threads that belong to no pool. When both streams have ended the FIFOs are removed, as their maker would
/// have done.
fn begin(task: &GoDriverTask, from: Stdio, given_up: PipeReader) -> Result<(), DriverError> {
    let stdout = Stream::open(task, &from.stdout, &task.stdout)?;
    let stderr = Stream::open(task, &from.stderr, &task.stderr)?;
    let thread = || thread::Builder::new().name("go-task-logs".to_owned());
    let failed = |error: io::Error| DriverError::host("a thread for the task's logs")(error.into());
    let given_up = Arc::new(given_up);
    let of_stderr = Arc::clone(&given_up);
    let other = thread().spawn(move || stderr.carry(&of_stderr)).map_err(failed)?;
    let carry_both = move || {
        stdout.carry(&given_up);
        let _ended = other.join();
        remove(&from);
    };
    thread().spawn(carry_both).map_err(failed)?;
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
    fn open(task: &GoDriverTask, from: &Path, to: &Path) -> Result<Self, DriverError> {
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

    /// Returns when the shim has closed the FIFO and all of it was moved, or nobody wants it any more.
    fn carry(&self, given_up: &PipeReader) {
        match splice::to_the_end(&self.from, &self.to, given_up) {
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::time::SystemTime;

    use super::*;
    use crate::request::task::Identity;

    /// A new FIFO, open at both ends.
    fn made(path: &Path) -> File {
        fifo::make(path).unwrap();
        let LogTarget::Fifo(checked) = fifo::check(path).unwrap() else { panic!("{path:?} is a FIFO") };
        fifo::open_both(&checked).unwrap().into()
    }

    #[tokio::test]
    async fn a_full_pipe_that_nobody_reads_is_let_go_with_the_task() {
        let dir = tempfile::tempdir().unwrap();
        let (fifos, alloc_root) = (dir.path().join("fifos"), dir.path().join("alloc"));
        std::fs::create_dir(&fifos).unwrap();
        std::fs::create_dir(&alloc_root).unwrap();
        let mut of_shim = made(&fifos.join("out"));
        drop(made(&fifos.join("err")));
        let (mut full, _empty) = (made(&alloc_root.join("out")), made(&alloc_root.join("err")));
        while full.write(&[b'x'; 4096]).is_ok() {}
        let task = GoDriverTask {
            id: TaskId::new("alloc-1/web/0"),
            identity: Identity::default(),
            container: "web".to_owned(),
            started_at: SystemTime::UNIX_EPOCH,
            stdout: alloc_root.join("out"),
            stderr: alloc_root.join("err"),
            alloc_root,
        };
        let from = Stdio { stdout: fifos.join("out"), stderr: fifos.join("err"), ..Stdio::default() };
        let (given_up, wanted) = io::pipe().unwrap();
        begin(&task, from, given_up).unwrap();
        of_shim.write_all(b"a line\n").unwrap();
        drop(wanted);
        let let_go = async {
            while fifos.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), let_go).await.expect("the pipe is still waited for");
    }
}
