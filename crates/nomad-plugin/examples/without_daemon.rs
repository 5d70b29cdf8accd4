//! The smallest plugin: all of the wire, and no daemon behind it. Tests run it as a host would.

use std::process::ExitCode;
use std::sync::Arc;

use driver_core::PluginConfig;
use driver_core::ports::{ConnectPort, ContainerPort, ContainersError};
use nomad_plugin::Environment;

/// Connects to nothing.
struct WithoutDaemon;

impl ConnectPort for WithoutDaemon {
    fn connect(&self, _: &PluginConfig, _: &str) -> Result<Arc<dyn ContainerPort>, ContainersError> {
        Err(ContainersError::Unsupported { operation: "connect", reason: "there is no daemon".to_owned() })
    }
}

fn main() -> ExitCode {
    nomad_plugin::run(&Environment::of_process(), Arc::new(WithoutDaemon), env!("CARGO_PKG_VERSION"))
}
