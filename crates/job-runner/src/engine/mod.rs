//! Runs the tasks of a group in their order, starts them again, stops them, and tells how it ended.
//!
//! The rules are Nomad's. What is decided is pure ([`restart`], [`coordinator`]); what is done goes
//! through the [`TaskDriver`] that the caller gives.

pub mod coordinator;
mod driver;
mod group;
pub mod restart;
mod task;
#[cfg(test)]
mod tests;

pub use driver::{DriverFault, TaskDriver};
pub use group::{GroupReport, TaskReport, run_group};
