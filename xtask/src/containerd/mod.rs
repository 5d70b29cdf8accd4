//! A private containerd: own socket, root and state directory, gone with everything of it at the end.
//!
//! A keeper (this program once more, in a process group of its own) starts the daemon and waits for its
//! standard input to close. That happens when the [`Private`] is stopped, and as well when this process
//! is killed, so nothing outlives it. The kernel ends the daemon should the keeper itself be killed; the
//! next keeper then removes what is left.

mod cgroups;
mod cleanup;
mod instance;
pub(crate) mod keeper;
mod keeper_lock;
mod ready;
mod stale;
mod version;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::screen::Step;

pub(crate) use cgroups::hierarchies;
pub(crate) use cleanup::{bundles, mount_points, shims};
pub(crate) use instance::Instance;
pub(crate) use version::Version;

/// A private containerd that runs.
pub(crate) struct Private {
    /// Where it lives.
    pub(crate) instance: Instance,
    keeper: Child,
}

impl Private {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// This is not root, a program is missing, or the daemon does not become ready; its last log lines
    /// have been shown then.
    pub(crate) fn start(version: Version) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!("a private containerd needs root, as every container runtime with runc does");
        }
        let private = Self::begin(version.bin_dir()?.as_deref())?;
        version.check(&private.instance.version)?;
        Ok(private)
    }

    /// Starts the one of this host, which has what is needed.
    ///
    /// # Errors
    /// As [`Private::start`].
    pub(crate) fn installed() -> Result<Self> {
        Self::begin(None)
    }

    fn begin(bin_dir: Option<&Path>) -> Result<Self> {
        let step = Step::begin("starting a private containerd");
        // This very program, even when cargo has put a newer one in its place.
        let mut command = Command::new("/proc/self/exe");
        command.arg("serve-containerd").stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        if let Some(dir) = bin_dir {
            command.arg("--bin-dir").arg(dir);
        }
        let mut keeper = command.spawn().context("can not start the keeper")?;
        let stdout = keeper.stdout.take().context("the keeper has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("can not read from the keeper")?;
        if line.is_empty() {
            let status = keeper.wait().context("can not wait for the keeper")?;
            bail!("no private containerd: its keeper ended with {}", process::ending(status));
        }
        let instance: Instance = serde_json::from_str(&line).context("the keeper's line is no instance")?;
        step.done(format!("{} at {}", instance.version, instance.address.display()));
        Ok(Self { instance, keeper })
    }

    /// Stops it with all that it runs, and removes its directories.
    ///
    /// # Errors
    /// Something of it is left; the keeper has said what.
    pub(crate) fn stop(mut self) -> Result<()> {
        let step = Step::begin("stopping the private containerd");
        drop(self.keeper.stdin.take());
        let status = self.keeper.wait().context("can not wait for the keeper")?;
        match status.code() {
            Some(0) => step.done(""),
            Some(_) => bail!("the private containerd could not be removed; the lines above say what is left"),
            None => bail!(
                "the keeper ended with {}; the next start removes what is left",
                process::ending(status)
            ),
        }
        Ok(())
    }

    /// The `ctr` that belongs to it, pointed at its socket.
    pub(crate) fn ctr(&self) -> Command {
        self.instance.ctr()
    }
}
