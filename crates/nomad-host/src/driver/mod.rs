//! The driver's interface as typed calls.

mod client;
mod error;
mod events;
mod exec;
mod tasks;
mod topology;
mod types;

pub use client::{API_VERSION, DriverClient, PluginInfo};
pub use error::DriverError;
pub use events::{Fingerprint, Health, Subscription, TaskEvent};
pub use exec::{ExecOutput, ExecResult, ExecSession};
pub use nomad_proto::pb::driver::{TaskConfig, TaskHandle, TaskStats};
pub use topology::total_compute_mhz;
pub use types::{TaskExit, TaskInspection, TaskPhase};
