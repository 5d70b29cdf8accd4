//! The port's containers: rootfs, record and task, addressed by one id.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use async_trait::async_trait;
use oci_builder::Spec;
use tokio::sync::watch;

use super::{ContainersError, Image};
use crate::request::ids::ContainerId;

/// Whether the daemon can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Nothing is known yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not, and why.
    Down(String),
}

/// What the daemon says of itself, and whether it can run tasks as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// containerd's version, such as `1.6.20`.
    pub version: String,
    /// containerd's revision.
    pub revision: String,
    /// Reasons why no task can run: the snapshotter is not loaded, the runtime can not be resolved.
    pub problems: Vec<String>,
    /// What an operator should know: a runtime that was replaced by its successor.
    pub warnings: Vec<String>,
}

/// A prepared, writable root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rootfs {
    /// What the snapshotter says is to be mounted.
    pub mounts: Vec<RootfsMount>,
}

/// One mount of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootfsMount {
    /// File system type, such as `overlay` or `bind`.
    pub kind: String,
    /// Mount source.
    pub source: String,
    /// Mount options.
    pub options: Vec<String>,
}

/// A container record that is to be written.
#[derive(Debug, Clone)]
pub struct NewContainer {
    /// The id of container, snapshot and task.
    pub id: ContainerId,
    /// The image's full name.
    pub image: String,
    /// Labels by which it is found again.
    pub labels: BTreeMap<String, String>,
    /// The OCI runtime spec.
    pub spec: Spec,
}

/// Where the shim writes the output of a task's first process, and reads its input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stdio {
    /// A FIFO for input; empty is none.
    pub stdin: PathBuf,
    /// A FIFO or `/dev/null`; both or neither of the outputs are set unless a terminal is used.
    pub stdout: PathBuf,
    /// A FIFO or `/dev/null`; empty with a terminal.
    pub stderr: PathBuf,
    /// Whether a terminal is made.
    pub terminal: bool,
}

/// How a process ended, as the daemon confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; 128 + n after signal n.
    pub code: u32,
    /// When it ended.
    pub at: SystemTime,
}

/// What the daemon knows of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Made, not started.
    Created {
        /// Process id in the host's namespace.
        pid: u32,
    },
    /// Running (or paused).
    Running {
        /// Process id in the host's namespace.
        pid: u32,
    },
    /// Ended, not deleted.
    Stopped(Exit),
    /// There is no task of this id.
    Absent,
}

/// A container that the daemon has, or a root file system that waits for one, with the labels the driver gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Its id.
    pub id: ContainerId,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: SystemTime,
}

/// Containers of one namespace of the daemon.
#[async_trait]
pub trait Containers: Send + Sync + 'static {
    /// The connection, watched from the first use on. The watcher reconnects by itself.
    fn connection(&self) -> watch::Receiver<Connection>;

    /// Changes when the daemon tells that the kernel killed a process of this container's task for lack of memory. A
    /// hint, never the only source of a decision.
    fn oom_hints(&self, id: &ContainerId) -> watch::Receiver<u64>;

    /// Asks the daemon for its version and checks the configured runtime and snapshotter.
    ///
    /// # Errors
    /// When the daemon can not be asked.
    async fn survey(&self) -> Result<Survey, ContainersError>;

    /// Prepares a writable snapshot named like the container, protected from collection until the container record
    /// exists or an hour has passed. Until then it is found by these labels.
    ///
    /// # Errors
    /// [`ContainersError::AlreadyExists`] when one of this id is there.
    async fn prepare_rootfs(
        &self,
        id: &ContainerId,
        image: &Image,
        labels: &BTreeMap<String, String>,
    ) -> Result<Rootfs, ContainersError>;

    /// The writable snapshot of a container of this id that has no task, if it was made from this image: protected
    /// and found as after [`Containers::prepare_rootfs`], with all that was written into it. The container's record is
    /// gone then. None leaves everything as it is.
    ///
    /// # Errors
    /// When the daemon can not be asked or refuses.
    async fn reuse_rootfs(
        &self,
        id: &ContainerId,
        image: &Image,
        labels: &BTreeMap<String, String>,
    ) -> Result<Option<Rootfs>, ContainersError>;

    /// Writes the container record; from here on it protects the snapshot.
    ///
    /// # Errors
    /// [`ContainersError::AlreadyExists`] when one of this id is there.
    async fn create_container(&self, new: NewContainer) -> Result<(), ContainersError>;

    /// Creates the task (shim and runtime `create`), not started yet. Gives its process id. Blocks until both
    /// log pipes have a reader, at most 30 s.
    ///
    /// # Errors
    /// [`ContainersError::Command`] when the program can not be executed, [`ContainersError::GaveUp`] when the daemon's
    /// own time for it was over, and others of the daemon.
    async fn create_task(
        &self,
        id: &ContainerId,
        rootfs: &Rootfs,
        stdio: &Stdio,
    ) -> Result<u32, ContainersError>;

    /// Starts the created task.
    ///
    /// # Errors
    /// As for [`Containers::create_task`].
    async fn start_task(&self, id: &ContainerId) -> Result<(), ContainersError>;

    /// Waits for the end of the task, without a deadline. Returns at once when it has ended and was not deleted.
    ///
    /// # Errors
    /// A lost connection, or [`ContainersError::NotFound`]: neither means that the task has ended.
    async fn wait_task(&self, id: &ContainerId) -> Result<Exit, ContainersError>;

    /// Makes sure that the daemon still knows how a running task ended when the task ends in its absence. A task whose
    /// container [`Containers::create_container`] wrote has that from the daemon of its time; one that another driver
    /// made, or an older daemon, has not. Success when there is no such container.
    ///
    /// # Errors
    /// When the daemon can not be asked or refuses.
    async fn keep_exit(&self, id: &ContainerId) -> Result<(), ContainersError>;

    /// What the daemon knows of the task. A status that it can not tell is asked again until `client_timeout`.
    ///
    /// # Errors
    /// When the daemon can not be asked; never for a task that is gone, which is [`TaskState::Absent`].
    async fn task_state(&self, id: &ContainerId) -> Result<TaskState, ContainersError>;

    /// The FIFOs that the task was created with.
    ///
    /// # Errors
    /// [`ContainersError::NotFound`] when there is no such task.
    async fn task_stdio(&self, id: &ContainerId) -> Result<Stdio, ContainersError>;

    /// Sends a signal to the first process, or to all of the task.
    ///
    /// # Errors
    /// [`ContainersError::NotFound`] when there is no such task, or it has ended; when the daemon can not be asked or
    /// the signal is refused.
    async fn kill_task(&self, id: &ContainerId, signal: i32, all: bool) -> Result<(), ContainersError>;

    /// Makes sure that there is no task of this id: one that runs is killed. Its container and its file system stay.
    ///
    /// # Errors
    /// When the daemon can not be asked, or the task does not end.
    async fn end_task(&self, id: &ContainerId) -> Result<(), ContainersError>;

    /// Removes everything of this id in the right order, whatever of it exists: the task (killed when it runs), the
    /// container, the snapshot, leases. Success when nothing is there.
    ///
    /// # Errors
    /// The first failure; what could be removed is gone all the same.
    async fn purge(&self, id: &ContainerId) -> Result<(), ContainersError>;

    /// The OCI runtime spec in the container's record.
    ///
    /// # Errors
    /// [`ContainersError::NotFound`] when there is no such container.
    async fn spec(&self, id: &ContainerId) -> Result<Spec, ContainersError>;

    /// The containers that carry all the given labels, and the root file systems for which no container was made.
    ///
    /// # Errors
    /// When the daemon can not be asked.
    async fn find(&self, labels: &BTreeMap<String, String>) -> Result<Vec<ContainerRecord>, ContainersError>;
}
