//! Why a run did not begin, or could not go on.

use crate::jobfile::{JobFileError, Place};
use nomad_host::alloc::AllocError;
use nomad_host::driver::DriverError;
use nomad_host::plugin::PluginError;
use nomad_host::state::StateError;
use nomad_proto::hclspec::EvaluateError;
use std::path::PathBuf;

/// A run that gives no exit code of a task.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The job file, or a file or value that belongs to it.
    #[error(transparent)]
    JobFile(#[from] JobFileError),
    /// `--var` without a name.
    #[error("--var {0}: write name=value")]
    Variable(String),
    /// The plugin configuration's file has no block to read.
    #[error("{0} has neither options nor a `config` block")]
    PluginConfig(PathBuf),
    /// The asynchronous runtime.
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
    /// The directory of all runs.
    #[error("the directory for running jobs cannot be used")]
    State(#[from] StateError),
    /// The plugin's process.
    #[error("the driver cannot be started")]
    Plugin(#[from] PluginError),
    /// The plugin's configuration, or a call to it.
    #[error("the driver cannot be used")]
    Driver(#[from] DriverError),
    /// The driver cannot run tasks.
    #[error("the driver cannot run tasks: {description}\n{hint}")]
    NotReady {
        /// The driver's own reason.
        description: String,
        /// What to do.
        hint: String,
    },
    /// A `config` block that the driver does not take.
    #[error("{place}: task `{task}`: {fault}\n{}", place.excerpt())]
    TaskConfig {
        /// The option, or the block that lacks it.
        place: Box<Place>,
        /// The task.
        task: String,
        /// The first option that does not fit.
        fault: Box<EvaluateError>,
    },
    /// More reserved cores than this machine has.
    #[error("the tasks reserve {wanted} cores, this machine has {available}")]
    Cores {
        /// What the group asks for.
        wanted: u32,
        /// What there is.
        available: usize,
    },
    /// An import could not be started.
    #[error("cannot import {}", archive.display())]
    LoadStart {
        /// The archive.
        archive: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An import failed.
    #[error("cannot import {}: {message}", archive.display())]
    Load {
        /// The archive.
        archive: PathBuf,
        /// What the import said.
        message: String,
    },
    /// The allocation's directories.
    #[error("the allocation cannot be prepared")]
    Alloc(#[from] AllocError),
    /// The plugin died more often than it is started again.
    #[error("the driver's process is gone")]
    PluginGone,
    /// Stopped before anything was started; the signal's number.
    #[error("interrupted")]
    Interrupted(i32),
}
