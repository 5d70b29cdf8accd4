//! The options of a task: the `config` block of a job file.

mod devices;
mod image;
mod isolation;
mod limits;
mod mounts;
mod network;
mod process;
mod seccomp;

use driver_core::request::options::TaskOptions;

use super::block::Configuration;
use super::entry::Entry;
use super::error::OptionError;

/// All of them, in groups.
pub const OPTIONS: &[&[Entry<TaskOptions>]] = &[
    image::OPTIONS,
    process::OPTIONS,
    network::OPTIONS,
    isolation::OPTIONS,
    limits::OPTIONS,
    seccomp::OPTIONS,
    devices::OPTIONS,
    mounts::OPTIONS,
];

/// Decodes a task's configuration, cty msgpack as clients send it.
///
/// # Errors
/// [`OptionError`] for the first option that cannot be taken.
pub fn decode(bytes: &[u8]) -> Result<TaskOptions, OptionError> {
    let mut options = TaskOptions::default();
    Configuration::decode(bytes)?.read(OPTIONS, &mut options)?;
    Ok(options)
}

#[cfg(test)]
mod tests;
