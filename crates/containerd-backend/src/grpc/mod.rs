//! The connection to containerd: clients, deadlines, status codes as typed errors, and forms of the wire.

pub(crate) mod backoff;
pub(crate) mod classify;
pub(crate) mod daemon;
pub(crate) mod error;
pub(crate) mod filter;
pub(crate) mod time;
pub(crate) mod wire;
