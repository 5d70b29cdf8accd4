//! What is prepared for each start of a task.

use crate::jobfile::{Network, RenderedFile, Task, TaskFilePlace};
use crate::screen::Screen;
use nomad_host::alloc::{
    AllocError, Allocation, CgroupsError, FileError, Permissions, TaskCgroups, write_beneath,
};
use nomad_host::driver::TaskConfig;
use nomad_host::logs::{LogError, LogPipes};
use std::path::Path;
use std::sync::Arc;

/// A start could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    #[error(transparent)]
    Alloc(#[from] AllocError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Cgroups(#[from] CgroupsError),
}

/// Everything that the client's side holds for a running task.
pub(super) struct Prepared {
    pub(super) config: TaskConfig,
    pub(super) pipes: Option<LogPipes>,
    pub(super) cgroups: TaskCgroups,
}

/// What all tasks of the run have in common.
pub(super) struct Common<'a> {
    pub(super) alloc: &'a Allocation,
    pub(super) network: &'a Network,
    pub(super) screen: &'a Arc<dyn Screen>,
}

/// Writes the task's files, opens its log pipes, makes its cgroups and builds its configuration.
pub(super) fn prepare(
    common: &Common<'_>,
    task: &Task,
    encoded: Vec<u8>,
    cpus: &str,
) -> Result<Prepared, PrepareError> {
    let alloc = common.alloc;
    let mut builder = alloc.task(&task.name)?;
    for file in &task.files {
        write(alloc, &task.name, file)?;
    }
    builder = builder
        .config(encoded)
        .meta(task.meta.clone())
        .resources(task.resources)
        .cpuset_cpus(cpus)
        .user(task.user.clone());
    for (name, value) in &task.env {
        builder = builder.env(name, value);
    }
    let dns = &common.network.dns;
    if !dns.is_empty() {
        builder = builder.dns(dns.clone());
    }
    let cgroups = TaskCgroups::create_on_v2(&alloc.id, &task.name)?;
    builder = builder.cgroup(cgroups.cpuset_cgroup.clone());
    let pipes = match task.logs {
        None => None,
        Some(settings) => {
            let screen = common.screen.clone();
            let sink = Arc::new(move |line| screen.line(&line));
            Some(LogPipes::open(&alloc.logs(), &task.name, sink, settings)?)
        }
    };
    if let Some(pipes) = &pipes {
        builder = builder.logs(pipes);
    }
    Ok(Prepared { config: builder.build(), pipes, cgroups })
}

fn write(alloc: &Allocation, task: &str, file: &RenderedFile) -> Result<(), FileError> {
    let permissions = Permissions { mode: file.mode, uid: file.owner.uid, gid: file.owner.gid };
    let (root, path): (_, &Path) = match &file.place {
        TaskFilePlace::Task(path) => (alloc.task_dirs(task).root, path),
        TaskFilePlace::Shared(path) => (alloc.shared(), path),
    };
    write_beneath(&root, path, file.content.as_bytes(), permissions)
}
