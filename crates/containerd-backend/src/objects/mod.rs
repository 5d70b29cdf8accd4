//! What containerd keeps for a task: container, snapshot, lease, sandbox record and task.

pub(crate) mod container;
pub(crate) mod lease;
pub(crate) mod purge;
pub(crate) mod rootfs;
mod sandbox;
pub(crate) mod snapshot;
pub(crate) mod task;
