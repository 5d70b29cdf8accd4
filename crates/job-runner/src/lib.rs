//! Reads a Nomad job file and runs one group of it on this machine.

pub mod chain;
pub mod duration;
pub mod ending;
pub mod engine;
pub mod expr;
pub mod gotemplate;
pub mod jobfile;
pub mod screen;
mod session;
pub mod source;

pub use session::{RunError, RunOptions, run};
