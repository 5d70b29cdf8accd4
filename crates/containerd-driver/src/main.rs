//! The binary: a Nomad task-driver plugin when the magic cookie is set, else the command line.

mod cli;

use std::process::ExitCode;
use std::sync::Arc;

use containerd_backend::Connector;
use nomad_plugin::{Environment, Launch};

fn main() -> ExitCode {
    let environment = Environment::of_process();
    match environment.launch {
        Launch::Person if std::env::args_os().len() > 1 => cli::run(),
        _ => plugin(&environment),
    }
}

fn plugin(environment: &Environment) -> ExitCode {
    linux_host::memory::few_arenas();
    let _soft_limit_serves_too = linux_host::limits::raise_open_files();
    nomad_plugin::run(environment, Arc::new(Connector), env!("CARGO_PKG_VERSION"))
}
