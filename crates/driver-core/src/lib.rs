//! The driver: task spec, policy, start pipeline, the life of a task and recovery, over declared ports.
//!
//! Adapters see [`Driver`], the types of its methods, and the ports in [`ports`] that they fulfil.

mod back_off;
mod cdi;
pub mod config;
mod context;
mod credentials;
mod descriptors;
mod destroy;
mod driver;
mod error;
mod events;
mod exec;
mod exit;
mod files;
mod fingerprint;
mod granted;
mod host;
pub mod ids;
pub mod labels;
mod life;
#[cfg(test)]
mod life_tests;
mod log_pipes;
mod monitor;
mod network_files;
mod oom;
pub mod options;
mod plan;
pub mod policy;
pub mod ports;
mod predecessor;
mod profile;
mod reaper;
mod recover;
mod release;
mod reusable;
mod signal;
pub mod spec;
mod staging;
mod start;
mod state;
mod stats;
mod stop;
mod task;
#[cfg(test)]
mod testing;
mod turns;

pub use config::PluginConfig;
pub use context::NodeCpu;
pub use credentials::Credentials;
pub use driver::{Driver, TaskStatus};
pub use error::{DriverError, chain};
pub use events::TaskEvent;
pub use exec::{ExecInput, ExecOutput, ExecRequest, ExecResult, ExecSession, MAX_OUTPUT};
pub use exit::TaskExit;
pub use fingerprint::{Fingerprint, Health};
pub use linux_host::cgroup::stats::{CpuSample, MemorySample};
pub use predecessor::Predecessor;
pub use signal::Signal;
pub use state::{HANDLE_VERSION, TaskHandle, TaskState};
pub use stats::{CpuUsage, TaskUsage};
pub use task::Phase;
