//! Images, rootfs, tasks and events over containerd's gRPC.
//!
//! The one owner of containerd's namespaces, leases, labels and status codes. It fulfils the port that driver-core
//! declares: [`Connector`] makes it. [`import`] brings images out of archives for those who have no registry.

mod backend;
mod backoff;
mod classify;
mod containers;
mod daemon;
mod execs;
mod features;
mod images;
mod import;
mod lease;
mod leftovers;
mod orphans;
mod purge;
mod records;
mod refused;
mod rootfs;
mod runtime;
mod sandbox;
mod survey;
mod tasks;
mod time;
mod watch;
mod wire;

pub use backend::Connector;
pub use import::{ImportError, ImportProgress, import};
