//! Runs a command beside a private containerd and passes its exit code through.

use std::process::Command;

use anyhow::Result;

use crate::containerd::{Instance, Private, Version};
use crate::{environment, process};

/// Starts a containerd, runs the command with its address, and takes the containerd away again.
///
/// # Errors
/// The containerd or the command can not be started, or something of the containerd is left.
pub(crate) fn run(version: Version, words: &[String]) -> Result<u8> {
    let Some((program, args)) = words.split_first() else {
        anyhow::bail!("no command is given after `--`");
    };
    let private = Private::start(version)?;
    let mut command = Command::new(program);
    point_at(command.args(args), &private.instance);
    let done = process::foreground(&mut command);
    private.stop()?;
    Ok(process::code(done?))
}

/// Gives a command the variables that tell of the private containerd, and its `ctr` first in PATH.
pub(crate) fn point_at(command: &mut Command, instance: &Instance) {
    command
        .env(environment::CONTAINERD_ADDRESS, &instance.address)
        .env(environment::CONTAINERD_PIDFILE, &instance.pid_file)
        .env(environment::CONTAINERD_INSTANCE, instance.json())
        .env(environment::CONTAINERD_BIN, instance.bin_dir.join("containerd"))
        .env(environment::CONTAINERD_VERSION, &instance.version)
        .env("PATH", &instance.path);
}
