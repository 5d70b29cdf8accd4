//! One run of a job file, from the command line's choices to the exit code.

mod error;
mod interrupts;
mod leftovers;
mod live;
mod load;
mod options;
mod plugin;
mod plugin_config;
mod prepare;
mod run;
mod stats;
mod task_start;

pub use error::RunError;
pub use options::RunOptions;
pub use run::run;
