//! The demo: a job file, unmodified, on a real containerd, with everything that it needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::containerd::{Private, Version};
use crate::screen::Step;
use crate::{images, place, process, screen, setup, signals};

/// The job file, from the workspace's root.
const JOB: &str = "examples/redis.nomad.hcl";

/// Runs the demo; the number is the exit code of the job.
///
/// # Errors
/// Something is missing and can not be installed, the build fails, or a containerd is left behind.
pub(crate) fn run(address: Option<&Path>) -> Result<u8> {
    let job = place::workspace().join(JOB);
    ensure!(job.is_file(), "the job file {JOB} is missing");
    if let Some(socket) = address {
        ensure!(socket.exists(), "there is no containerd: {} does not exist", socket.display());
    }
    setup::programs()?;
    let archive = images::redis()?;
    signals::check()?;
    let binary = build()?;
    signals::check()?;
    if let Some(socket) = address {
        return job_on(socket, &binary, &archive, &job);
    }
    let private = Private::start(Version::Host)?;
    let done = job_on(&private.instance.address, &binary, &archive, &job);
    private.stop()?;
    done
}

fn job_on(socket: &Path, binary: &Path, archive: &Path, job: &Path) -> Result<u8> {
    signals::check()?;
    let mut command = Command::new(binary);
    command.args(["run", "--address"]).arg(socket).arg("--load").arg(archive).arg(job);
    let relative = |path: &Path| path.strip_prefix(place::workspace()).unwrap_or(path).display().to_string();
    screen::say(&format!(
        "$ {} run --address {} --load {} {JOB}",
        relative(binary),
        socket.display(),
        relative(archive)
    ));
    Ok(process::code(process::foreground(&mut command)?))
}

/// Builds the release binary of the driver; cargo shows its own progress.
///
/// # Errors
/// The build fails.
pub(crate) fn build() -> Result<PathBuf> {
    let mut step = Step::begin("building the driver (release)");
    step.hide();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "containerd-driver"]).current_dir(place::workspace());
    let status = process::foreground(&mut command)?;
    if !status.success() {
        bail!("the driver does not build ({})", process::ending(status));
    }
    let binary = place::driver_binary();
    let size = binary.metadata().with_context(|| format!("no binary at {}", binary.display()))?.len();
    step.done(format!("{} KiB", size / 1024));
    Ok(binary)
}
