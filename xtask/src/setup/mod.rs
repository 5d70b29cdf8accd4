//! What this host needs: said first, then installed with the package manager.
//!
//! Only programs that are nowhere on the host are installed, so a containerd of another origin stays.
//! On a host with systemd the package `containerd` starts the host's own service, as its maintainers
//! decided; nothing here uses that instance. What the images and tests need beyond programs (redis,
//! busybox, a registry) is downloaded and unpacked beneath `target/xtask`, never installed.

mod needs;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Source};
use crate::screen::{self, Step};
use crate::{files, images, place, process};

use needs::Need;

pub(crate) use needs::cni_dir;

/// Everything: the programs, the downloads and the images.
///
/// # Errors
/// Something is missing and can not be installed.
pub(crate) fn run() -> Result<()> {
    programs()?;
    packages::registry()?;
    images::make()?;
    screen::say("nothing is missing");
    Ok(())
}

/// Installs the programs that this host lacks.
///
/// # Errors
/// A program is missing and can not be installed; without root the error tells the command to run.
pub(crate) fn programs() -> Result<()> {
    ensure(needs::ALL)
}

/// Installs the programs that the guest is made and run with.
///
/// # Errors
/// As [`programs`].
pub(crate) fn guest() -> Result<()> {
    ensure(needs::GUEST)
}

fn ensure(table: &'static [Need]) -> Result<()> {
    let missing = needs::missing(table);
    if missing.is_empty() {
        return Ok(());
    }
    screen::say("this host lacks:");
    for need in &missing {
        screen::say(&format!("  {} (package {})", need.what, need.package));
    }
    let mut wanted: Vec<&str> = missing.iter().map(|need| need.package).collect();
    wanted.dedup();
    let by_hand = format!("apt-get install --no-install-recommends {}", wanted.join(" "));
    if place::program("apt-get").is_none() {
        bail!("there is no apt-get here: install these with the package manager of this host");
    }
    if !rustix::process::geteuid().is_root() {
        bail!("installing needs root, so run as root: apt-get update && {by_hand}");
    }
    install(&wanted).with_context(|| format!("`{by_hand}` failed"))?;
    match needs::missing(table).first() {
        Some(need) => bail!("the package {} is installed, but {} is still missing", need.package, need.what),
        None => Ok(()),
    }
}

fn install(wanted: &[&str]) -> Result<()> {
    Source::Host.refresh_if_empty()?;
    if Path::new("/run/systemd/system").exists() && wanted.contains(&"containerd") {
        screen::say("note: on this host the package containerd also starts a service; it is not used here");
    }
    let step = Step::begin(format!("installing {}", wanted.join(", ")));
    if try_install(wanted, &step).is_err() {
        // The lists may be older than the archive.
        Source::Host.refresh()?;
        try_install(wanted, &step)?;
    }
    step.done("");
    Ok(())
}

fn try_install(wanted: &[&str], step: &Step) -> Result<()> {
    let mut command = Source::Host.command("apt-get")?;
    command.args(["install", "--yes", "--no-install-recommends"]).args(wanted);
    let (status, said) = process::heard(&mut command, |line| step.note(line))?;
    if !status.success() {
        bail!("apt-get ended with {}:\n{}", process::ending(status), files::tail(&said, 12));
    }
    Ok(())
}
