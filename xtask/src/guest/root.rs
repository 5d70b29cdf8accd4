//! Makes the guest's kernel, initrd and root file system from packages, once for each recipe.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use tempfile::TempDir;

use super::machine::Disks;
use super::recipe;
use crate::packages::{self, Own};
use crate::screen::Step;
use crate::{files, place, process, setup, signals};

/// The size of the root file system; the file is sparse.
const SIZE: &str = "4G";

/// The package manager need not wait for the disk: nobody uses what is half made. In two parts, since the word is one
/// that tidy looks for.
const FAST: &str = concat!("--dpkgopt=force-un", "safe-io");

/// The files of the machine, made when the cache lacks them or their recipe changed.
///
/// # Errors
/// This is not root, a program or package is missing, or something can not be written.
pub(crate) fn make() -> Result<Disks> {
    setup::guest()?;
    ensure!(rustix::process::geteuid().is_root(), "making a root file system needs root");
    ensure!(cfg!(target_arch = "x86_64"), "the guest is one of x86_64");
    let own = packages::own()?;
    let dir = place::cache("guest")?;
    let disks = Disks { kernel: dir.join("kernel"), initrd: dir.join("initrd"), root: dir.join("root.ext4") };
    let record = dir.join("made.from");
    let text = recipe::text(&own.suite);
    let _lock = files::lock(&dir.join("lock"))?;
    let complete = [&disks.kernel, &disks.initrd, &disks.root].iter().all(|file| file.is_file());
    if complete && std::fs::read_to_string(&record).is_ok_and(|made| made == text) {
        return Ok(disks);
    }
    let step = Step::begin(format!("making the guest from packages ({})", own.suite));
    let work = workshop(&dir)?;
    // Packages keep to modes that the directory above may not take away.
    std::fs::set_permissions(work.path(), Permissions::from_mode(0o755))
        .context("can not open a directory")?;
    let root = work.path().join("root");
    install(&own, work.path(), &root, &step)?;
    signals::check()?;
    step.note("writing the file system");
    keep(&only(&root.join("boot"), "vmlinuz-")?, &disks.kernel)?;
    keep(&only(&root.join("boot"), "initrd.img-")?, &disks.initrd)?;
    file_system(&root, &disks.root, SIZE)?;
    files::write_whole(&record, text.as_bytes())?;
    step.done("");
    Ok(disks)
}

/// The directory of one making, gone at its end; what one that was killed left behind goes now.
fn workshop(dir: &Path) -> Result<TempDir> {
    let old = dir.join("work");
    if old.exists() {
        std::fs::remove_dir_all(&old).with_context(|| format!("can not remove {}", old.display()))?;
    }
    let made = tempfile::Builder::new().prefix("work").rand_bytes(0).tempdir_in(dir);
    made.context("can not make a directory for the guest")
}

/// A root directory of the distribution with the packages and files of the recipe.
fn install(own: &Own, work: &Path, root: &Path, step: &Step) -> Result<()> {
    let (sources, extra) = (work.join("sources.list"), work.join("extra"));
    std::fs::write(&sources, &own.sources).context("can not write the package sources of the guest")?;
    for file in &recipe::FILES {
        write(&extra.join(file.path), file.text, file.mode)?;
    }
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=minbase", "--format=directory", FAST]);
    command.arg("--aptopt=APT::Sandbox::User \"root\"");
    command.args(recipe::LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}")));
    command.arg(format!("--include={}", recipe::PACKAGES.join(",")));
    command.arg("--essential-hook=cp -R \"$GUEST_FILES/.\" \"$1/\"").env("GUEST_FILES", &extra);
    command.arg(&own.suite).arg(root).arg(&sources);
    let (status, said) = process::heard(&mut command, |line| step.note(line))?;
    if !status.success() {
        bail!("mmdebstrap ended with {}:\n{}", process::ending(status), files::tail(&said, 12));
    }
    Ok(())
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let make = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, text)?;
        std::fs::set_permissions(path, Permissions::from_mode(mode))
    };
    make().with_context(|| format!("can not write {}", path.display()))
}

/// The one file of a directory whose name begins so.
fn only(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found = files::entries(dir)?;
    found.retain(|path| files::name(path).starts_with(prefix));
    match found.as_slice() {
        [one] => Ok(one.clone()),
        others => bail!("{} files are called {prefix}… in {}", others.len(), dir.display()),
    }
}

fn keep(from: &Path, to: &Path) -> Result<()> {
    let copied = std::fs::copy(from, to);
    copied.with_context(|| format!("can not copy {} to {}", from.display(), to.display())).map(drop)
}

/// Writes a directory into a sparse file as ext4; there is no journal, since nothing outlives the machine.
///
/// # Errors
/// The file can not be made, or the directory does not fit.
pub(super) fn file_system(dir: &Path, file: &Path, size: &str) -> Result<()> {
    if file.exists() {
        std::fs::remove_file(file).with_context(|| format!("can not remove {}", file.display()))?;
    }
    let mut command =
        Command::new(place::program("mkfs.ext4").context("there is no mkfs.ext4 on this host")?);
    command.args(["-q", "-F", "-O", "^has_journal", "-d"]).arg(dir).arg(file).arg(size);
    process::output(&mut command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kernel_is_found_and_two_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("vmlinuz-6.1");
        assert!(only(dir.path(), "vmlinuz-").is_err());
        std::fs::write(&kernel, "").unwrap();
        assert_eq!(only(dir.path(), "vmlinuz-").unwrap(), kernel);
        std::fs::write(dir.path().join("vmlinuz-6.12"), "").unwrap();
        assert!(only(dir.path(), "vmlinuz-").is_err());
    }
}
