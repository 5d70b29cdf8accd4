//! The keeper of one private containerd: starts it, waits for the end of its input, takes all away.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cgroups::Tops;
use super::keeper_lock::lock;
use super::{Instance, cleanup, ready, stale};
use crate::{files, process, screen};

/// Serves one instance; the number is the exit code.
///
/// # Errors
/// The daemon does not become ready (what was begun is removed, its log shown), or something is left
/// after its end.
pub(crate) fn serve(bin_dir: Option<&Path>) -> Result<u8> {
    stale::remove();
    let before = Tops::now();
    let instance = Instance::create(bin_dir)?;
    let lock = lock(&instance.dir)?;
    instance.describe()?;
    let served = start(&instance).and_then(|()| announce(&instance)).and_then(|()| {
        let waited = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        waited.context("can not wait for the end of standard input").map(drop)
    });
    if served.is_err() {
        let mut log = String::new();
        let _ = File::open(&instance.log).and_then(|mut file| file.read_to_string(&mut log));
        screen::say(&format!("the last lines of containerd's log:\n{}", files::tail(&log, 30)));
    }
    let removed = cleanup::all(&instance, &before);
    drop(lock);
    served.and(removed).map(|()| 0)
}

fn start(instance: &Instance) -> Result<()> {
    let log = File::create(&instance.log).context("can not make a log file")?;
    let again = log.try_clone().context("can not share a log file")?;
    let mut command = Command::new("setpriv");
    // The kernel ends the daemon when this process ends, whatever ends it (prctl(2), PR_SET_PDEATHSIG).
    command.args(["--pdeathsig", "KILL", "--"]).args(&instance.argv).env("PATH", &instance.path);
    let mut daemon = command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(again)
        .spawn()
        .with_context(|| format!("can not start `{}`", process::spelled(&command)))?;
    std::fs::write(&instance.pid_file, daemon.id().to_string()).context("can not write the pid file")?;
    ready::wait(&instance.address, &mut daemon)?;
    let answer = process::text(instance.ctr().args(["--connect-timeout", "20s", "version"]))?;
    if !answer.contains("Server:") {
        bail!("containerd takes connections and does not answer");
    }
    Ok(())
}

fn announce(instance: &Instance) -> Result<()> {
    let mut line = serde_json::to_string(instance).context("can not write an instance as JSON")?;
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).context("nobody reads the keeper's line")
}
