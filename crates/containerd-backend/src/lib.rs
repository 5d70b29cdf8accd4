//! Images, rootfs, tasks and events over containerd's gRPC.
//!
//! The one owner of containerd's namespaces, leases, labels and status codes. It fulfils the port that driver-core
//! declares: [`Connector`] makes it. [`import`] brings images out of archives for those who have no registry.

mod backend;
mod containers;
mod events;
mod execs;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod grpc;
mod health;
mod images;
mod objects;
mod quirks;

pub use backend::Connector;
pub use images::import::{ImportError, ImportProgress, import};
