//! A job as it is run: complete, typed, every expression evaluated.

use crate::source::Place;
use crate::source::error::Warning;
use nomad_host::alloc::{AllocatedPort, Dns, JobIdentity, TaskResources};
use nomad_host::logs::LogSettings;
use nomad_proto::cty::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Nomad's job types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Tasks end by themselves.
    Batch,
    /// Tasks run until they are stopped.
    Service,
}

/// One group of a job, ready to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The names of job, group and node.
    pub identity: JobIdentity,
    /// Whether tasks are meant to end.
    pub kind: JobKind,
    /// The group that was chosen.
    pub group: Group,
    /// What is left out.
    pub warnings: Vec<Warning>,
}

/// The tasks that run together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// In the order of the file.
    pub tasks: Vec<Task>,
    /// The network that they share.
    pub network: Network,
}

/// How a group is connected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// The ports on the host.
    pub ports: Vec<Port>,
    /// Name servers, search domains and options, if the file names any.
    pub dns: Dns,
}

/// A port with the value that was found for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// What the task's environment says about it.
    pub allocated: AllocatedPort,
    /// Whether the file names the number.
    pub fixed: bool,
}

/// When a task runs in the life of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before the main tasks; they wait until it has ended well.
    Prestart,
    /// From before the main tasks until after them.
    PrestartSidecar,
    /// The group's purpose.
    Main,
    /// Once, after the main tasks have started.
    Poststart,
    /// From the start of the main tasks until after them.
    PoststartSidecar,
    /// After everything else has ended.
    Poststop,
}

impl Stage {
    /// Whether the task is stopped when the main tasks have ended.
    pub fn is_sidecar(self) -> bool {
        matches!(self, Self::PrestartSidecar | Self::PoststartSidecar)
    }
}

/// What happens when the attempts of an interval are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartMode {
    /// The task has failed.
    Fail,
    /// The next interval is waited for.
    Delay,
}

/// How often a task is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Starts within one interval, beside the first.
    pub attempts: u32,
    /// The interval.
    pub interval: Duration,
    /// The pause before a start, to which up to a quarter is added at random.
    pub delay: Duration,
    /// What happens after the last attempt.
    pub mode: RestartMode,
}

/// The lines of a `config` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigPlaces {
    /// The block, or the task when it has none.
    pub block: Place,
    /// The options by name.
    pub options: BTreeMap<String, Place>,
}

impl ConfigPlaces {
    /// The line of an option, from the path that a schema's error names, such as `auth.username`
    /// or `mounts[0].source`; the block for one that is not there.
    pub fn of(&self, path: &str) -> &Place {
        let option = path.split(['.', '[']).next().unwrap_or(path);
        self.options.get(option).unwrap_or(&self.block)
    }
}

/// One task.
#[derive(Clone, PartialEq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// The driver's name.
    pub driver: String,
    /// Where its block begins.
    pub place: Place,
    /// When it runs.
    pub stage: Stage,
    /// Whether its end ends the group.
    pub leader: bool,
    /// The user, or empty for the image's.
    pub user: String,
    /// The `config` block, not yet held against the driver's schema.
    pub config: Value,
    /// Where the `config` block and each of its options begin.
    pub config_places: ConfigPlaces,
    /// The variables beside Nomad's own, with those of templates.
    pub env: BTreeMap<String, String>,
    /// The merged `meta`.
    pub meta: BTreeMap<String, String>,
    /// CPU and memory.
    pub resources: TaskResources,
    /// How many cores it has for itself; 0 for none.
    pub cores: u32,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// The signal that asks it to end, or empty for the image's.
    pub kill_signal: String,
    /// The time from that signal to SIGKILL.
    pub kill_timeout: Duration,
    /// How its log is kept; nothing when the file turns it off.
    pub logs: Option<LogSettings>,
    /// The files that its templates give.
    pub files: Vec<RenderedFile>,
}

impl std::fmt::Debug for Task {
    /// Names the task only: its configuration and environment may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("name", &self.name).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Where a file of a template goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskFilePlace {
    /// Beneath the task's own directory: `local/…` or `secrets/…`.
    Task(PathBuf),
    /// Beneath the directory that the tasks share.
    Shared(PathBuf),
}

/// Who owns a template's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileOwner {
    /// The user's number, if the file names one.
    pub uid: Option<u32>,
    /// The group's number, if the file names one.
    pub gid: Option<u32>,
}

/// A template with its values filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Where it goes.
    pub place: TaskFilePlace,
    /// Its content.
    pub content: String,
    /// Its mode, such as `0o644`.
    pub mode: u32,
    /// Its owner.
    pub owner: FileOwner,
}

impl std::fmt::Debug for RenderedFile {
    /// Without the content, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:o} {:?} {} bytes", self.place, self.mode, self.owner, self.content.len())
    }
}
