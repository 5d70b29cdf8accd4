//! Where a task can be, the steps of its start, and what they make.

use crate::running::exit::TaskExit;

/// Where a task is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Policy has granted it; nothing is made.
    Requested,
    /// The image is unpacked, the driver's files are written, the task's objects are staged.
    Image,
    /// The writable snapshot exists.
    Rootfs,
    /// The network that it joins is known to be there.
    Network,
    /// Shim and runtime have made it; its program has not run.
    Created,
    /// Its first process runs, as far as anybody knows.
    Started,
    /// It was asked to end and has not ended yet.
    Exiting,
    /// The end is confirmed; what was made is still there.
    Exited(TaskExit),
    /// Its start failed; what was made is being given back.
    Unwinding,
    /// Nothing of it is left but the memory of its end; one whose start failed had none.
    Destroyed(Option<TaskExit>),
}

/// A step of the start. Each is bracketed by [`super::Event::Begun`] and [`super::Event::Reached`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Image, files and staged objects.
    Image,
    /// The snapshot.
    Rootfs,
    /// The group's network.
    Network,
    /// Container record and task.
    Create,
    /// The program.
    Start,
}

impl Step {
    /// In the order of the pipeline.
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [Self::Image, Self::Rootfs, Self::Network, Self::Create, Self::Start];

    pub(super) fn from(self) -> Stage {
        match self {
            Self::Image => Stage::Requested,
            Self::Rootfs => Stage::Image,
            Self::Network => Stage::Rootfs,
            Self::Create => Stage::Network,
            Self::Start => Stage::Created,
        }
    }

    pub(super) fn to(self) -> Stage {
        match self {
            Self::Image => Stage::Image,
            Self::Rootfs => Stage::Rootfs,
            Self::Network => Stage::Network,
            Self::Create => Stage::Created,
            Self::Start => Stage::Started,
        }
    }

    /// What exists once the step has begun, as far as its owner can know.
    pub(super) fn makes(self) -> &'static [Thing] {
        match self {
            // An earlier start of the same task, cut by a death, may have left any of it under the same name.
            Self::Image => &Thing::ALL,
            Self::Rootfs => &[Thing::Snapshot],
            Self::Create => &[Thing::Record, Thing::Task],
            Self::Network | Self::Start => &[],
        }
    }
}

/// What a task holds and somebody must give back, in the order of its making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// The task's directory beneath `state_dir`.
    Directory,
    /// The mounts of checked objects in it.
    Staged,
    /// Snapshot and lease.
    Snapshot,
    /// The container record, the sandbox record beside it included.
    Record,
    /// Shim, runtime state and processes.
    Task,
}

impl Thing {
    pub(super) const ALL: [Self; 5] =
        [Self::Directory, Self::Staged, Self::Snapshot, Self::Record, Self::Task];

    /// What a started task holds; the staged mounts are given back as soon as it is created.
    pub(super) const KEPT: [Self; 4] = [Self::Directory, Self::Snapshot, Self::Record, Self::Task];

    /// Whether the daemon has it, rather than this host's file system.
    pub(crate) fn is_of_daemon(self) -> bool {
        match self {
            Self::Snapshot | Self::Record | Self::Task => true,
            Self::Directory | Self::Staged => false,
        }
    }
}
