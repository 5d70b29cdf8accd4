//! Tasks as processes of the host.

use linux_host::process::PidFd;
use nomad_proto::cty;
use nomad_proto::pb::driver::{ExitResult, TaskConfig, TaskHandle};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tonic::Status;

/// By this variable every process of the program finds the tasks of the others, as a driver does by labels.
const MARK: &str = "FAKE_TASK_ID";

/// The tasks of this process.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<HashMap<String, Task>>>);

#[derive(Clone)]
struct Task {
    pid: u32,
    exit: watch::Receiver<Option<ExitResult>>,
}

impl Tasks {
    /// Runs the task's command with its environment and log pipes.
    pub(crate) fn start(&self, config: TaskConfig) -> Result<TaskHandle, Status> {
        let driver = cty::decode(&config.msgpack_driver_config).unwrap();
        let driver = driver.as_map().unwrap();
        match driver["image"].as_str().unwrap() {
            "missing" => return Err(Status::unknown("the image `missing` does not exist")),
            "flaky" if !std::path::Path::new(&config.alloc_dir).join("alloc/tried").exists() => {
                std::fs::write(std::path::Path::new(&config.alloc_dir).join("alloc/tried"), "").unwrap();
                return Err(nomad_proto::status::recoverable("the registry does not answer"));
            }
            _ => {}
        }
        let open = |path: &str| OpenOptions::new().write(true).open(path).unwrap();
        let mut child = Command::new("/bin/sh")
            .args(["-c", driver["command"].as_str().unwrap()])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env(MARK, &config.id)
            .envs(&config.env)
            .stdin(Stdio::null())
            .stdout(open(&config.stdout_path))
            .stderr(open(&config.stderr_path))
            .process_group(0)
            .spawn()
            .unwrap();
        let pid = child.id();
        let (sender, exit) = watch::channel(None);
        std::thread::spawn(move || {
            let status = child.wait().unwrap();
            let signal = status.signal().unwrap_or(0);
            let exit_code = status.code().unwrap_or(128 + signal);
            sender.send_replace(Some(ExitResult { exit_code, signal, oom_killed: false }));
        });
        self.0.lock().unwrap().insert(config.id.clone(), Task { pid, exit });
        Ok(TaskHandle {
            version: 1,
            config: Some(config),
            state: 1,
            driver_state: pid.to_le_bytes().to_vec(),
        })
    }

    /// Takes a process up again that another process of this program has started. Its exit code
    /// cannot be known, so it counts as 0.
    pub(crate) fn recover(&self, handle: TaskHandle) -> Result<(), Status> {
        let gone = || Status::unknown("the process is gone");
        let pid = u32::from_le_bytes(handle.driver_state.try_into().map_err(|_| gone())?);
        let process = PidFd::open(pid).map_err(|_| gone())?;
        let (sender, exit) = watch::channel(None);
        std::thread::spawn(move || {
            process.wait(Duration::from_secs(600)).unwrap();
            sender.send_replace(Some(ExitResult::default()));
        });
        let id = handle.config.unwrap().id;
        self.0.lock().unwrap().insert(id, Task { pid, exit });
        Ok(())
    }

    fn get(&self, id: &str) -> Result<Task, Status> {
        let found = self.0.lock().unwrap().get(id).cloned();
        found.ok_or_else(|| Status::unknown("task not found for given id"))
    }

    pub(crate) async fn wait(&self, id: &str) -> Result<ExitResult, Status> {
        let mut task = self.get(id)?;
        let exit = task.exit.wait_for(Option::is_some).await;
        Ok(exit.unwrap().unwrap())
    }

    pub(crate) fn signal(&self, id: &str, signal: &str) -> Result<(), Status> {
        kill(self.get(id)?.pid, signal.trim_start_matches("SIG"));
        Ok(())
    }

    pub(crate) async fn stop(&self, id: &str, timeout: Duration, signal: &str) -> Result<(), Status> {
        let mut task = self.get(id)?;
        kill(task.pid, if signal == "SIGKILL" { "KILL" } else { "TERM" });
        if tokio::time::timeout(timeout, task.exit.wait_for(Option::is_some)).await.is_err() {
            kill(task.pid, "KILL");
        }
        self.wait(id).await.map(drop)
    }

    pub(crate) async fn destroy(&self, id: &str) -> Result<(), Status> {
        let Ok(task) = self.get(id) else { return destroy_unknown(id) };
        kill(task.pid, "KILL");
        self.wait(id).await?;
        self.0.lock().unwrap().remove(id);
        Ok(())
    }
}

/// Ends a task that another process has started; its processes are a group of their own.
fn destroy_unknown(id: &str) -> Result<(), Status> {
    let entry = format!("{MARK}={id}");
    let has_mark = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|found| found == entry.as_bytes())
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let found: Vec<PidFd> = pids.filter(has_mark).filter_map(|pid| PidFd::open(pid).ok()).collect();
    if found.is_empty() {
        return Err(Status::unknown("task not found for given id"));
    }
    for process in found {
        process.kill().unwrap();
        process.wait(Duration::from_secs(60)).unwrap();
    }
    Ok(())
}

/// Signals the task's process group.
fn kill(pid: u32, signal: &str) {
    let status = Command::new("/bin/kill")
        .args([&format!("-{signal}"), "--", &format!("-{pid}")])
        .stderr(Stdio::null())
        .status();
    status.unwrap();
}
