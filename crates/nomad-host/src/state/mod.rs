//! What a run keeps on disk, so that the next one can clean up after it was killed: ids of tasks and where
//! they are, never what a job or an operator configured.
//!
//! Every run has a directory that it holds locked. The lock ends with the process, also at a reboot, so it
//! alone tells whether a run lives.

mod clean_up;
mod error;
mod run_dir;
mod state_dir;

pub use clean_up::{CleanUpFault, CleanUpReport, clean_up};
pub use error::StateError;
pub use run_dir::RunDir;
pub use state_dir::StateDir;
