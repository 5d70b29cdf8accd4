//! Distribution packages that are downloaded and unpacked, never installed, and kept in the cache.

mod apt;
mod closure;
mod own;
mod suites;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::screen::Step;
use crate::{files, place, process};

pub(crate) use apt::Source;
pub(crate) use own::{Own, own};

/// The `.deb` files of these packages, downloaded when the cache lacks them.
///
/// # Errors
/// The package is unknown or can not be downloaded.
pub(crate) fn fetch(source: &Source, packages: &[&str]) -> Result<Vec<PathBuf>> {
    fetch_set(source, packages, |source| {
        source.refresh_if_empty()?;
        Ok(packages.iter().map(|name| (*name).to_owned()).collect())
    })
}

/// As [`fetch`], with the packages of all shared libraries that these need.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn fetch_with_libraries(source: &Source, packages: &[&str]) -> Result<Vec<PathBuf>> {
    fetch_set(source, packages, |source| {
        source.refresh_if_empty()?;
        closure::of(source, packages)
    })
}

/// The set is remembered by name, so that a later run asks neither the network nor the package manager.
fn fetch_set(
    source: &Source,
    packages: &[&str],
    names: impl Fn(&Source) -> Result<Vec<String>>,
) -> Result<Vec<PathBuf>> {
    let dir = place::cache("debs")?.join(source.name());
    std::fs::create_dir_all(&dir).with_context(|| format!("can not make {}", dir.display()))?;
    let record = dir.join(format!("{}.set", packages.join("+")));
    let _lock = files::lock(&dir.join("lock"))?;
    if let Some(known) = remembered(&record, &dir) {
        return Ok(known);
    }
    let step = Step::begin(format!("downloading {} ({})", packages.join(", "), source.name()));
    let download = || source.download(&names(source)?, &dir, &step);
    let found = download().or_else(|_| {
        // The lists may be older than the archive.
        source.refresh()?;
        download()
    })?;
    let listed: Vec<String> = found.iter().map(|path| files::name(path)).collect();
    files::write_whole(&record, listed.join("\n").as_bytes())?;
    step.done(format!("{} packages", found.len()));
    Ok(found)
}

fn remembered(record: &Path, dir: &Path) -> Option<Vec<PathBuf>> {
    let text = std::fs::read_to_string(record).ok()?;
    let found: Vec<PathBuf> = text.lines().map(|name| dir.join(name)).collect();
    (!found.is_empty() && found.iter().all(|file| file.is_file())).then_some(found)
}

/// Unpacks packages into a directory of the cache, once, and gives the directory.
///
/// # Errors
/// A package can not be unpacked.
pub(crate) fn unpack(name: &str, debs: &[PathBuf]) -> Result<PathBuf> {
    let cache = place::cache("unpacked")?;
    let _lock = files::lock(&cache.join("lock"))?;
    let dir = cache.join(name);
    let from: Vec<String> = debs.iter().map(|deb| files::name(deb)).collect();
    let record = dir.join("unpacked.from");
    if std::fs::read_to_string(&record).is_ok_and(|text| text == from.join("\n")) {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("can not empty {}", dir.display()))?;
    }
    for deb in debs {
        process::output(Command::new("dpkg").arg("-x").arg(deb).arg(&dir))?;
    }
    files::write_whole(&record, from.join("\n").as_bytes())?;
    Ok(dir)
}

/// The registry server's binary, unpacked from the distribution's package and never started here.
///
/// # Errors
/// The package can not be downloaded or unpacked.
pub(crate) fn registry() -> Result<PathBuf> {
    let debs = fetch(&Source::Host, &["docker-registry"])?;
    Ok(unpack("docker-registry", &debs)?.join("usr/bin/docker-registry"))
}

/// The directory of another suite's containerd binaries.
///
/// # Errors
/// The suite can not be read or has no containerd.
pub(crate) fn containerd(suite: &'static str) -> Result<PathBuf> {
    let debs = fetch(&Source::Suite(suite), &["containerd"])?;
    Ok(unpack(&format!("containerd-{suite}"), &debs)?.join("usr/bin"))
}
