//! The command line of a person.

mod import;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs containers on containerd: as a task driver of Nomad, or a job file on this machine.
#[derive(Parser)]
#[command(name = "containerd-driver", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a job file on this machine, without a cluster
    Run(run::Run),
    /// Import the images of an OCI or docker archive into containerd
    Import(import::Import),
}

/// Runs the command of this process's arguments.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Run(command) => command.run(),
        Command::Import(command) => command.run(),
    }
}
