//! A container daemon in memory. It reads `exit N` and `sleep` from a command line, and can go away and come back.

mod execs;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use async_trait::async_trait;
use oci_builder::{Process, Spec};
use tokio::sync::watch;

use crate::ports::*;
use crate::request::ids::ContainerId;

type Result<T> = std::result::Result<T, ContainersError>;

/// A process of the fake: made, started, ended.
#[derive(Debug, Clone)]
struct Run {
    pid: u32,
    started: bool,
    args: Vec<String>,
    stdio: Stdio,
    ended: watch::Sender<Option<Exit>>,
}

impl Run {
    fn new(pid: u32, process: Option<&Process>, stdio: Stdio) -> Self {
        let args = process.and_then(|process| process.args().clone()).unwrap_or_default();
        Self { pid, started: false, args, stdio, ended: watch::Sender::new(None) }
    }

    fn start(&mut self, operation: &'static str) -> Result<()> {
        if self.args.first().is_some_and(|program| program.starts_with("/no/such")) {
            return Err(ContainersError::Command {
                command: self.args[0].clone(),
                reason: "no such file".into(),
            });
        }
        tracing::trace!(operation, args = ?self.args, "fake start");
        self.started = true;
        let code =
            self.args.last().and_then(|line| line.strip_prefix("exit ")).and_then(|code| code.parse().ok());
        if let Some(code) = code {
            self.end(code);
        }
        Ok(())
    }

    fn end(&self, code: u32) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(Exit { code, at: SystemTime::UNIX_EPOCH });
            first
        });
    }
}

/// A task that was lost, as it was.
pub(crate) struct Lost(Option<Run>);

/// A root file system, and the image that it was made from.
#[derive(Debug)]
struct Layer {
    parent: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Kept {
    rootfs: Option<Layer>,
    container: Option<NewContainer>,
    task: Option<Run>,
    execs: HashMap<String, Run>,
}

/// The daemon.
#[derive(Debug)]
pub(crate) struct FakePort {
    kept: Mutex<HashMap<ContainerId, Kept>>,
    /// Whether calls reach it.
    up: watch::Sender<bool>,
    /// What the watcher of the connection has noticed of that.
    connection: watch::Sender<Connection>,
    oom_hints: watch::Sender<u64>,
    /// Pid of every process; usually that of the test itself, which is alive.
    pid: u32,
    image: tempfile::TempDir,
    /// The container of which nothing is told for now.
    stuck: watch::Sender<Option<ContainerId>>,
    cut_exec: AtomicBool,
    /// How many questions about execs their shim still leaves unanswered.
    closed: AtomicUsize,
    /// How many execs were to be started.
    pub(crate) started_execs: AtomicUsize,
    /// How many root file systems were made from an image.
    pub(crate) prepared: AtomicUsize,
    /// Containers whose tasks' ends the daemon was told to keep.
    pub(crate) kept_exits: Mutex<Vec<ContainerId>>,
    /// Signals that tasks were sent.
    pub(crate) signals: Mutex<Vec<(ContainerId, i32)>>,
}

impl FakePort {
    pub(crate) fn new() -> Self {
        Self::of_process(std::process::id())
    }

    /// All of whose processes are that one.
    pub(crate) fn of_process(pid: u32) -> Self {
        Self {
            kept: Mutex::default(),
            up: watch::Sender::new(true),
            connection: watch::Sender::new(Connection::Up),
            oom_hints: watch::Sender::new(0),
            pid,
            image: tempfile::tempdir().unwrap(),
            stuck: watch::Sender::new(None),
            cut_exec: AtomicBool::new(false),
            closed: AtomicUsize::new(0),
            started_execs: AtomicUsize::default(),
            prepared: AtomicUsize::default(),
            kept_exits: Mutex::default(),
            signals: Mutex::default(),
        }
    }

    /// Cuts the connection: running calls break, later ones fail.
    pub(crate) fn go_away(&self) {
        self.go_away_unnoticed();
        self.connection.send_replace(Connection::Down("gone".into()));
    }

    /// The same, before the watcher of the connection notices.
    pub(crate) fn go_away_unnoticed(&self) {
        self.up.send_replace(false);
    }

    pub(crate) fn come_back(&self) {
        self.up.send_replace(true);
        self.connection.send_replace(Connection::Up);
    }

    /// Ends a task by itself, whether or not anybody is connected.
    pub(crate) fn end(&self, id: &ContainerId, code: u32) {
        self.kept()[id].task.as_ref().unwrap().end(code);
    }

    /// Loses a task without a word.
    pub(crate) fn lose(&self, id: &ContainerId) -> Lost {
        Lost(self.kept().get_mut(id).unwrap().task.take())
    }

    /// Knows a lost task again.
    pub(crate) fn find_again(&self, id: &ContainerId, Lost(task): Lost) {
        self.kept().get_mut(id).unwrap().task = task;
    }

    /// Leaves every question for the state of this task and every signal to it without an answer, as with a shim that
    /// is stuck.
    pub(crate) fn hang(&self, id: &ContainerId) {
        self.stuck.send_replace(Some(id.clone()));
    }

    pub(crate) fn answer_again(&self) {
        self.stuck.send_replace(None);
    }

    /// Cuts the connection when an exec has started, before its caller hears of it; a refusal it still hears.
    pub(crate) fn go_away_after_execs_start(&self) {
        self.cut_exec.store(true, Ordering::Relaxed);
    }

    /// Breaks this many waits and signals of execs while the connection is up, as with a shim that is gone.
    pub(crate) fn close_execs(&self, times: usize) {
        self.closed.store(times, Ordering::Relaxed);
    }

    /// Execs of the task that were made and have not been deleted.
    pub(crate) fn running_execs(&self, id: &ContainerId) -> usize {
        self.kept()[id].execs.len()
    }

    /// Tells whoever listens of a lack of memory, whichever container it asked for.
    pub(crate) fn hint_at_lack_of_memory(&self) {
        self.oom_hints.send_modify(|count| *count += 1);
    }

    /// Ids of which anything is kept.
    pub(crate) fn leftovers(&self) -> Vec<ContainerId> {
        self.kept().keys().cloned().collect()
    }

    fn rootfs(&self) -> Rootfs {
        let source = self.image.path().display().to_string();
        Rootfs { mounts: vec![RootfsMount { kind: "bind".into(), source, options: vec!["rbind".into()] }] }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ContainerId, Kept>> {
        self.kept.lock().unwrap()
    }

    fn reached(&self, operation: &'static str) -> Result<MutexGuard<'_, HashMap<ContainerId, Kept>>> {
        if *self.up.borrow() { Ok(self.kept()) } else { Err(lost(operation)) }
    }

    async fn unstuck(&self, id: &ContainerId) {
        self.stuck.subscribe().wait_for(|stuck| stuck.as_ref() != Some(id)).await.map(drop).unwrap();
    }

    async fn ended(&self, operation: &'static str, run: Option<Run>, id: &str) -> Result<Exit> {
        let run = run.ok_or_else(|| not_found(operation, id))?;
        let (mut ended, mut up) = (run.ended.subscribe(), self.up.subscribe());
        tokio::select! {
            exit = ended.wait_for(Option::is_some) => exit.unwrap().ok_or_else(|| not_found(operation, id)),
            _ = up.wait_for(|up| !up) => Err(lost(operation)),
        }
    }
}

fn lost(operation: &'static str) -> ContainersError {
    ContainersError::Lost { operation, address: "fake".into(), reason: "gone".into() }
}

fn not_found(operation: &'static str, id: &str) -> ContainersError {
    ContainersError::NotFound { operation, id: id.to_owned() }
}

fn exists(operation: &'static str, id: &ContainerId) -> ContainersError {
    ContainersError::AlreadyExists { operation, id: id.to_string() }
}

#[async_trait]
impl Images for FakePort {
    async fn image(&self, request: &ImageRequest, _: &(dyn Fn(Progress) + Send + Sync)) -> Result<Image> {
        drop(self.reached("image")?);
        if request.reference.contains("missing") {
            let reason = "not found".to_owned();
            return Err(ContainersError::ImageRefused { reference: request.reference.clone(), reason });
        }
        let (name, chain_id) = (request.reference.clone(), request.reference.clone());
        Ok(Image { name, chain_id, cmd: vec!["sleep".into()], ..Image::default() })
    }
}

#[async_trait]
impl Containers for FakePort {
    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    fn oom_hints(&self, _id: &ContainerId) -> watch::Receiver<u64> {
        self.oom_hints.subscribe()
    }

    async fn survey(&self) -> Result<Survey> {
        drop(self.reached("survey")?);
        Ok(Survey { version: "1.6.20".into(), revision: "fake".into(), ..Survey::default() })
    }

    async fn prepare_rootfs(
        &self,
        id: &ContainerId,
        image: &Image,
        labels: &BTreeMap<String, String>,
    ) -> Result<Rootfs> {
        let mut kept = self.reached("prepare")?;
        let kept = kept.entry(id.clone()).or_default();
        if kept.rootfs.is_some() {
            return Err(exists("prepare", id));
        }
        kept.rootfs = Some(Layer { parent: image.chain_id.clone(), labels: labels.clone() });
        self.prepared.fetch_add(1, Ordering::Relaxed);
        Ok(self.rootfs())
    }

    async fn reuse_rootfs(
        &self,
        id: &ContainerId,
        image: &Image,
        labels: &BTreeMap<String, String>,
    ) -> Result<Option<Rootfs>> {
        let mut kept = self.reached("reuse")?;
        let Some(Kept { rootfs: Some(layer), container, task: None, .. }) = kept.get_mut(id) else {
            return Ok(None);
        };
        if container.is_none() || layer.parent != image.chain_id {
            return Ok(None);
        }
        (*container, layer.labels) = (None, labels.clone());
        Ok(Some(self.rootfs()))
    }

    async fn create_container(&self, new: NewContainer) -> Result<()> {
        let mut kept = self.reached("create the container")?;
        let kept = kept.entry(new.id.clone()).or_default();
        match &kept.container {
            Some(_) => Err(exists("create the container", &new.id)),
            None => {
                kept.container = Some(new);
                Ok(())
            }
        }
    }

    async fn create_task(&self, id: &ContainerId, _: &Rootfs, stdio: &Stdio) -> Result<u32> {
        let mut kept = self.reached("create the task")?;
        let kept = kept.get_mut(id).ok_or_else(|| not_found("create the task", id.as_str()))?;
        let container = kept.container.as_ref().ok_or_else(|| not_found("create the task", id.as_str()))?;
        kept.task = Some(Run::new(self.pid, container.spec.process().as_ref(), stdio.clone()));
        Ok(self.pid)
    }

    async fn start_task(&self, id: &ContainerId) -> Result<()> {
        let mut kept = self.reached("start")?;
        let task = kept.get_mut(id).and_then(|kept| kept.task.as_mut());
        task.ok_or_else(|| not_found("start", id.as_str()))?.start("start")
    }

    async fn wait_task(&self, id: &ContainerId) -> Result<Exit> {
        let run = self.reached("wait")?.get(id).and_then(|kept| kept.task.clone());
        self.ended("wait", run, id.as_str()).await
    }

    async fn keep_exit(&self, id: &ContainerId) -> Result<()> {
        if self.reached("keep")?.contains_key(id) {
            self.kept_exits.lock().unwrap().push(id.clone());
        }
        Ok(())
    }

    async fn task_state(&self, id: &ContainerId) -> Result<TaskState> {
        self.unstuck(id).await;
        let kept = self.reached("state")?;
        Ok(match kept.get(id).and_then(|kept| kept.task.as_ref()) {
            None => TaskState::Absent,
            Some(run) => match (*run.ended.borrow(), run.started) {
                (Some(exit), _) => TaskState::Stopped(exit),
                (None, true) => TaskState::Running { pid: run.pid },
                (None, false) => TaskState::Created { pid: run.pid },
            },
        })
    }

    async fn task_stdio(&self, id: &ContainerId) -> Result<Stdio> {
        let kept = self.reached("stdio")?;
        let task = kept.get(id).and_then(|kept| kept.task.as_ref());
        task.map(|run| run.stdio.clone()).ok_or_else(|| not_found("stdio", id.as_str()))
    }

    async fn kill_task(&self, id: &ContainerId, signal: i32, _all: bool) -> Result<()> {
        self.unstuck(id).await;
        let kept = self.reached("kill")?;
        self.signals.lock().unwrap().push((id.clone(), signal));
        let run = kept.get(id).and_then(|kept| kept.task.as_ref());
        let run = run.ok_or_else(|| not_found("kill", id.as_str()))?;
        let is = |word| run.args.iter().any(|arg| arg == word);
        if !(is("frozen") || is("deaf") && signal != 9) {
            run.end(128 + signal.unsigned_abs());
        }
        Ok(())
    }

    async fn end_task(&self, id: &ContainerId) -> Result<()> {
        if let Some(kept) = self.reached("end_task")?.get_mut(id) {
            kept.task = None;
        }
        Ok(())
    }

    async fn purge(&self, id: &ContainerId) -> Result<()> {
        self.reached("purge")?.remove(id);
        Ok(())
    }

    async fn spec(&self, id: &ContainerId) -> Result<Spec> {
        let kept = self.reached("spec")?;
        let container = kept.get(id).and_then(|kept| kept.container.as_ref());
        container.map(|container| container.spec.clone()).ok_or_else(|| not_found("spec", id.as_str()))
    }

    async fn find(&self, labels: &BTreeMap<String, String>) -> Result<Vec<ContainerRecord>> {
        let kept = self.reached("find")?;
        let labels_of = |kept: &Kept| match &kept.container {
            Some(new) => Some(new.labels.clone()),
            None => kept.rootfs.as_ref().map(|layer| layer.labels.clone()),
        };
        let record = |(id, kept): (&ContainerId, &Kept)| {
            let (id, created_at) = (id.clone(), SystemTime::UNIX_EPOCH);
            labels_of(kept).map(|labels| ContainerRecord { id, labels, created_at })
        };
        let found = kept.iter().filter_map(record);
        Ok(found.filter(|record| crate::node::labels::include(&record.labels, labels)).collect())
    }
}
