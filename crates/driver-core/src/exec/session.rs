//! One exec from its FIFOs to its exit code, in a task of its own: a caller that goes away ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use linux_host::cgroup::{self, CgroupError};
use oci_builder::Process;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::pipes::{self, Pipes};
use super::{ExecInput, ExecOutput, ExecRequest, ExecSession, leftover};
use crate::error::DriverError;
use crate::node::back_off::BackOff;
use crate::node::state_dir::EXEC;
use crate::ports::{ContainersError, Exit, NewExec, TaskState};
use crate::request::signal::Signal;
use crate::running::task::{Phase, Task};

/// Messages that may wait in either direction.
const QUEUE: usize = 16;

/// How long the end of a task may take to be confirmed after the runtime found it on its way out.
const ENDING: Duration = Duration::from_secs(10);

/// What nobody waits for is not begun.
const ABANDONED: DriverError = DriverError::Interrupted("the exec");

/// Opens an exec in the task. Failures arrive as the session's last message.
pub(crate) fn open(task: Arc<Task>, request: ExecRequest) -> ExecSession {
    let (input, from_caller) = mpsc::channel(QUEUE);
    let (to_caller, output) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let last = match run(&task, request, from_caller, &to_caller).await {
            Ok(exit) => ExecOutput::Exited(exit),
            Err(error) => ExecOutput::Failed(error),
        };
        let _caller_is_gone = to_caller.send(last).await;
    });
    ExecSession { input, output }
}

async fn run(
    task: &Arc<Task>,
    request: ExecRequest,
    input: mpsc::Receiver<ExecInput>,
    output: &mpsc::Sender<ExecOutput>,
) -> Result<Exit, DriverError> {
    if task.phase() != Phase::Running {
        return Err(DriverError::NotRunning(task.identity.task.clone()));
    }
    task.context.fds.for_exec()?;
    let exec = Exec { task: Arc::clone(task), id: next_id(), left: AtomicBool::new(false) };
    let (container, id) = (task.container.clone(), exec.id.clone());
    let dir = task.context.on_files(move |files| files.prepare_exec(&container, &id)).await?;
    let result = match Pipes::make(&dir, &request) {
        Ok(pipes) => exec.run(request, pipes, input, output).await,
        Err(error) => Err(error),
    };
    if result.as_ref().is_err_and(DriverError::is_lost) {
        exec.leave();
    }
    let ended = match &result {
        Err(error) if !error.is_lost() => has_ended(task, error).await,
        _ => false,
    };
    // By its directory whoever ends it knows it.
    if !exec.left.load(Ordering::Relaxed) {
        leftover::remove_directory(task, &exec.id).await?;
    }
    if ended { Err(DriverError::NotRunning(task.identity.task.clone())) } else { result }
}

/// Whether an exec failed because its task has ended, which may not be confirmed yet: its first process is the first
/// to know, then the daemon, then the monitor. The runtime's complaint may come before all of them.
async fn has_ended(task: &Task, error: &DriverError) -> bool {
    let asked = async || {
        !linux_host::process::is_running(task.state.pid, task.state.pid_started)
            || matches!(
                task.context.ports.task_state(&task.container).await,
                Ok(TaskState::Stopped(_) | TaskState::Absent)
            )
    };
    match error {
        DriverError::Interrupted(_) => false,
        _ if task.phase() != Phase::Running || asked().await => true,
        DriverError::Containers(ContainersError::Failed { .. } | ContainersError::NotFound { .. }) => {
            tokio::time::timeout(ENDING, task.wait()).await.is_ok()
        }
        _ => false,
    }
}

/// Unique in the task, also across processes of the driver.
fn next_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let started = crate::running::state::millis(std::time::SystemTime::now());
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{EXEC}{started}-{}-{number}", std::process::id())
}

struct Exec {
    task: Arc<Task>,
    id: String,
    /// Whether its end goes on without this caller.
    left: AtomicBool,
}

impl Exec {
    async fn run(
        &self,
        request: ExecRequest,
        pipes: Pipes,
        input: mpsc::Receiver<ExecInput>,
        output: &mpsc::Sender<ExecOutput>,
    ) -> Result<Exit, DriverError> {
        let Pipes { stdio, stdin, stdout, stderr } = pipes;
        let (ports, container) = (&self.task.context.ports, &self.task.container);
        let program = request.command.first().cloned().unwrap_or_default();
        let new = NewExec {
            container: container.clone(),
            exec_id: self.id.clone(),
            process: self.process(request).await?,
            stdio,
        };
        let turn = tokio::select! {
            // The semaphore is never closed.
            turn = self.task.exec_turns.acquire() => turn.ok(),
            () = output.closed() => return Err(ABANDONED),
        };
        ports.create_exec(new).await?;
        if output.is_closed() {
            self.delete().await;
            return Err(ABANDONED);
        }
        let pid = match ports.start_exec(container, &self.id).await {
            Ok(pid) => pid,
            Err(error) if error.is_lost() => return Err(error.into()),
            Err(error) => {
                self.delete().await;
                return Err(error.of_program(&program).into());
            }
        };
        drop(turn);
        self.join_cpuset(pid);
        let (deleted, has_input) = (CancellationToken::new(), stdin.is_some());
        let out = tokio::spawn(pipes::copy(stdout, ExecOutput::Stdout, output.clone(), deleted.clone()));
        let err = stderr
            .map(|pipe| tokio::spawn(pipes::copy(pipe, ExecOutput::Stderr, output.clone(), deleted.clone())));
        let exit = self.attend(stdin, input, output).await;
        if has_input {
            // Its shim would keep the input and the terminal open: it reads on, and has the writing end, too.
            self.close_stdin().await;
        }
        self.delete().await;
        deleted.cancel();
        for copying in std::iter::once(out).chain(err) {
            let _ended = copying.await;
        }
        exit
    }

    /// Serves the input until the process has ended; kills it when the caller is gone.
    async fn attend(
        &self,
        mut stdin: Option<Sender>,
        mut input: mpsc::Receiver<ExecInput>,
        output: &mpsc::Sender<ExecOutput>,
    ) -> Result<Exit, DriverError> {
        let wait = self.wait();
        tokio::pin!(wait);
        let (mut more_input, mut abandoned) = (true, false);
        loop {
            tokio::select! {
                exit = &mut wait => return exit,
                () = output.closed(), if !abandoned => {
                    abandoned = true;
                    if let Err(error) = self.kill().await {
                        tracing::warn!(exec = %self.id, error = crate::chain(&error), "an abandoned exec runs on");
                    }
                }
                message = input.recv(), if more_input && !abandoned => match message {
                    None => more_input = false,
                    Some(message) => tokio::select! {
                        () = self.serve(message, &mut stdin) => {}
                        exit = &mut wait => return exit,
                        () = output.closed() => {}
                    },
                },
            }
        }
    }

    async fn wait(&self) -> Result<Exit, DriverError> {
        let (ports, container) = (&self.task.context.ports, &self.task.container);
        Ok(self.insist(|| ports.wait_exec(container, &self.id)).await?)
    }

    async fn kill(&self) -> Result<(), DriverError> {
        let (ports, container) = (&self.task.context.ports, &self.task.container);
        Ok(self.insist(|| ports.kill_exec(container, &self.id, Signal::KILL.number())).await?)
    }

    /// Asks over losses of the connection, be it the daemon's or its own to the shim.
    async fn insist<T, Asked>(&self, ask: impl Fn() -> Asked) -> Result<T, ContainersError>
    where
        Asked: Future<Output = Result<T, ContainersError>>,
    {
        let mut back_off = BackOff::default();
        loop {
            match ask().await {
                Err(error) if error.is_lost() => {
                    self.task.context.connected().await;
                    back_off.pause().await;
                }
                other => return other,
            }
        }
    }

    async fn serve(&self, message: ExecInput, stdin: &mut Option<Sender>) {
        let (ports, container) = (&self.task.context.ports, &self.task.container);
        let served: Result<(), ContainersError> = match message {
            ExecInput::Stdin(bytes) => {
                if let Some(pipe) = stdin
                    && let Err(error) = pipe.write_all(&bytes).await
                {
                    tracing::debug!(%error, "the exec does not read its input any more");
                }
                Ok(())
            }
            ExecInput::CloseStdin => {
                *stdin = None;
                // The process may wait for this end for ever.
                self.insist(|| ports.close_exec_stdin(container, &self.id)).await
            }
            ExecInput::Resize { width, height } => {
                ports.resize_exec(container, &self.id, width, height).await
            }
        };
        if let Err(error) = served {
            tracing::debug!(exec = %self.id, %error, "a message for the exec came too late");
        }
    }

    /// The task's own process with another command line.
    async fn process(&self, request: ExecRequest) -> Result<Process, DriverError> {
        let (ports, container) = (&self.task.context.ports, &self.task.container);
        let template = self.task.template.get_or_try_init(|| async {
            let spec = ports.spec(container).await?;
            spec.process()
                .clone()
                .ok_or_else(|| DriverError::State("the container's spec has no process".to_owned()))
        });
        let mut process = template.await?.clone();
        process.set_args(Some(request.command)).set_terminal(Some(request.tty)).set_console_size(None);
        if request.tty {
            let mut env = process.env().clone().unwrap_or_default();
            if !env.iter().any(|pair| pair.starts_with("TERM=")) {
                env.push("TERM=xterm".to_owned());
            }
            process.set_env(Some(env));
        }
        Ok(process)
    }

    /// On cgroup v1 the client's cpuset is another cgroup than the runtime's. An exec has no process before its
    /// start, and the runtime puts that one where it put the task's first: so it runs for a moment outside of the
    /// client's cpuset, and what it forks by then has to follow it.
    fn join_cpuset(&self, pid: u32) {
        let dir = &self.task.state.cpuset_dir;
        if dir.as_os_str().is_empty() {
            return;
        }
        let joined = cgroup::join(dir, pid).or_else(|error| match error {
            CgroupError::NoProcess { .. } => Ok(()),
            error => Err(error),
        });
        if let Err(error) = joined.and_then(|()| self.task.cgroup.empty_cpuset_into(dir)) {
            tracing::warn!(exec = %self.id, error = crate::chain(&error), "the exec is outside of the task's cpuset");
        }
    }

    async fn close_stdin(&self) {
        if let Err(error) = self.task.context.ports.close_exec_stdin(&self.task.container, &self.id).await {
            tracing::debug!(exec = %self.id, %error, "the input of an ended exec is not closed");
        }
    }

    /// A lost connection leaves it to be deleted later; after another failure the exec goes with its task.
    async fn delete(&self) {
        match self.task.context.ports.delete_exec(&self.task.container, &self.id).await {
            Ok(()) => {}
            Err(error) if error.is_lost() => self.leave(),
            Err(error) => tracing::warn!(exec = %self.id, %error, "the exec could not be deleted"),
        }
    }

    fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
        leftover::end_later(&self.task, self.id.clone());
    }
}
