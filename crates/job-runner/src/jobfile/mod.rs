//! From the text of a job file to a typed job.
//!
//! Everything is evaluated once, with every value bound that a task can refer to: the variables,
//! the allocation, the ports and the node. What is left undefined then is an error on its line.

mod block;
mod coerce;
mod config;
mod env;
mod group;
mod inputs;
mod job;
mod lifecycle;
mod logs;
mod model;
mod network;
mod node;
mod resources;
mod restart;
mod services;
mod task;
mod template;
#[cfg(test)]
mod tests;
mod variables;
mod vocabulary;

pub use crate::source::error::{JobFileError, Problem, Warning};
pub use crate::source::{Place, Source};
pub use config::read_config;
pub use inputs::{Inputs, VariableInput};
pub use job::read_job;
pub use model::{
    ConfigPlaces, FileOwner, Group, Job, JobKind, Network, Port, RenderedFile, RestartMode, RestartPolicy,
    Stage, Task, TaskFilePlace,
};
pub use network::PortSource;
pub use node::NodeFacts;
