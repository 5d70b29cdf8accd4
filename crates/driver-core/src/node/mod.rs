//! What this node is and what the driver holds on it: the host's facts, `state_dir`, and what operations share.

pub(crate) mod back_off;
pub(crate) mod container_locks;
pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod fd_budget;
pub(crate) mod fingerprint;
pub(crate) mod host;
pub(crate) mod kept_snapshots;
pub mod labels;
pub(crate) mod node_id;
pub(crate) mod off_pool;
pub(crate) mod state_dir;
