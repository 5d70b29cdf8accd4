//! The plugin side of Nomad's driver protocol: handshake, services, schema, hclog lines.
//!
//! [`run`] is the whole life of a plugin process. [`options`] holds the options of jobs and operators as
//! data, from which the schema, the decoder's checks and the documentation come.

mod base;
mod environment;
mod from_wire;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod go_state;
mod goplugin;
pub mod hclog;
pub mod options;
mod run;
mod server;
mod service;
pub mod socket;
mod status;
mod to_wire;

pub use environment::{Environment, Launch};
pub use run::{HUMAN_TEXT, run};
pub use server::{ServeError, serve};

/// The plugin's name, by which job files and agent configurations call the driver.
pub const PLUGIN_NAME: &str = "containerd-driver";
