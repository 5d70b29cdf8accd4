//! What is asked of the driver: by the operator in its configuration, by a job in a task.

pub mod config;
pub(crate) mod credentials;
pub mod ids;
pub mod options;
pub(crate) mod signal;
pub mod task;
