//! A plugin as a process: started, spoken to, watched, ended.

mod connection;
mod left;
mod log_line;
mod options;
mod output;
mod process;
mod supervisor;
#[cfg(test)]
mod tests;

pub use connection::{ConnectError, PluginConnection};
pub(crate) use left::end_plugins_in;
pub use log_line::{LogLevel, LogLine};
pub use options::{LogSink, PluginOptions};
pub use process::{PluginError, PluginProcess, Reattach};
