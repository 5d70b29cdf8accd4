//! Test and demo images, made from distribution packages: the same bytes from the same packages.

mod busybox;
mod catalog;
mod deb;
mod docker;
mod oci;
mod redis;
mod tree;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::{self, Source};
use crate::screen::Step;
use crate::{files, place, screen};

/// Raised whenever the making of the images changes, so that cached ones are made anew.
const EDITION: u32 = 1;

/// The directory of the images, made when the cache lacks them or their packages changed.
///
/// # Errors
/// A package is missing or an archive can not be written.
pub(crate) fn make() -> Result<PathBuf> {
    let dir = place::cache("images")?;
    let busybox = packages::fetch(&Source::Host, &["busybox-static"])?;
    let redis = packages::fetch_with_libraries(&Source::Host, &["redis-server", "redis-tools"])?;
    let named: Vec<String> = busybox.iter().chain(&redis).map(|deb| files::name(deb)).collect();
    let key = format!("edition {EDITION}\n{}\n", named.join("\n"));
    let record = dir.join("made.from");
    let _lock = files::lock(&dir.join("lock"))?;
    if std::fs::read_to_string(&record).is_ok_and(|text| text == key) {
        return Ok(dir);
    }
    let step = Step::begin("making the images");
    let shell = busybox::Busybox::from_package(&busybox)?;
    let mut images = busybox::all(&shell)?;
    images.push(redis::image(&shell, &redis)?);
    for image in &images {
        step.note(image.name);
        let path = dir.join(image.file());
        files::write_whole(&path, &image.archive).with_context(|| format!("no image {}", image.name))?;
    }
    files::write_whole(&dir.join("index.json"), catalog::index(&images)?.as_bytes())?;
    files::write_whole(&record, key.as_bytes())?;
    step.done(format!("{} archives", images.len()));
    Ok(dir)
}

/// The archive of the redis image under the name that the example job uses.
///
/// # Errors
/// As [`make`].
pub(crate) fn redis() -> Result<PathBuf> {
    Ok(make()?.join("redis.tar"))
}

/// Makes the images and prints their directory.
///
/// # Errors
/// As [`make`].
pub(crate) fn print_directory() -> Result<()> {
    screen::print(&make()?.display().to_string());
    Ok(())
}
