//! The driver: what is asked, admission, the start pipeline, the life of a task and recovery, over declared ports.
//!
//! Adapters see [`Driver`], the types of its methods, and the ports in [`ports`] that they fulfil. The folders stand in
//! the order in which a task passes them: [`request`], admission, start, running, exec, recovery, gc.

mod admission;
mod driver;
mod error;
mod exec;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod gc;
mod node;
pub mod ports;
mod recovery;
mod refusal;
pub mod request;
mod running;
mod start;
#[cfg(test)]
mod testing;

pub use driver::{Driver, TaskStatus};
pub use error::{DriverError, chain};
pub use exec::{ExecInput, ExecOutput, ExecRequest, ExecResult, ExecSession, MAX_OUTPUT};
pub use linux_host::cgroup::stats::{CpuSample, MemorySample};
pub use node::context::NodeCpu;
pub use node::events::TaskEvent;
pub use node::fingerprint::{Fingerprint, Health};
pub use node::labels;
pub use recovery::go_driver::GoDriverTask;
pub use refusal::Refusal;
pub use request::config::PluginConfig;
pub use request::credentials::Credentials;
pub use request::signal::Signal;
pub use running::exit::TaskExit;
pub use running::state::{HANDLE_VERSION, TaskHandle, TaskState};
pub use running::stats::{CpuUsage, TaskUsage};
pub use running::task::Phase;
