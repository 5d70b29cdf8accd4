//! A guest with cgroup v2: a machine of the distribution's kernel and packages, emulated, without a network.

mod console;
mod machine;
mod payload;
mod recipe;
mod root;

use std::time::Instant;

use anyhow::Result;

use crate::tiers::table::Outcome;
use crate::tiers::watch::Watch;
use crate::{process, screen};

pub(crate) use console::told;
pub(crate) use machine::{Disks, Init};
pub(crate) use payload::{Item, Payload, Suite, item, suites};
pub(crate) use root::make;

/// Starts a machine, shows its console until it is switched off, and tells how the tests in it ended. One that still
/// runs at the deadline is ended, and has failed.
///
/// # Errors
/// The emulator can not be started.
pub(crate) fn run(disks: &Disks, payload: &Payload, init: Init, deadline: Instant) -> Result<Outcome> {
    let name = match init {
        Init::Script => "the guest",
        Init::Lacking => "the guest without controllers",
        Init::Systemd => "the guest under systemd",
    };
    let mut command = machine::command(disks, &payload.file(), init);
    let mut console = console::Console::default();
    let watch = Watch::until(deadline);
    let status = process::stream(&mut command, |line| {
        if console.read(line) {
            screen::print(line);
        }
    })?;
    if watch.stop() {
        let hung = format!("{name} hung and was ended at twice the time budget");
        return Ok(Outcome::Ran { passed: 0, failures: vec![hung], ignored: 0 });
    }
    Ok(console.outcome(name, &process::ending(status)))
}
