//! Removes instances whose keeper was killed before it could.

use std::path::{Path, PathBuf};

use super::cgroups::Tops;
use super::instance::{DATA, NAME, RUN};
use super::{Instance, cleanup, keeper_lock};
use crate::{files, screen};

/// Removes every instance that nobody keeps; a failure is told and does no harm.
pub(crate) fn remove() {
    for dir in named(RUN) {
        // An instance that is just being made has no configuration yet.
        if !dir.join("instance.json").is_file() {
            continue;
        }
        let Ok(lock) = keeper_lock::lock(&dir) else { continue };
        let instance = read(&dir).unwrap_or_else(|| Instance::at(dir.clone(), PathBuf::new(), String::new()));
        screen::say(&format!("removing {}, whose keeper was killed", dir.display()));
        if let Err(error) = cleanup::all(&instance, &Tops::now()) {
            screen::error(&error);
        }
        drop(lock);
    }
    // A reboot empties the directory of sockets, not that of the content.
    for data in named(DATA) {
        if !Path::new(RUN).join(files::name(&data)).exists() {
            let _ = std::fs::remove_dir_all(&data);
        }
    }
}

fn read(dir: &Path) -> Option<Instance> {
    let instance: Instance = serde_json::from_slice(&std::fs::read(dir.join("instance.json")).ok()?).ok()?;
    (instance.dir == dir).then_some(instance)
}

fn named(parent: &str) -> Vec<PathBuf> {
    let mut found = files::entries(Path::new(parent)).unwrap_or_default();
    found.retain(|path| files::name(path).starts_with(NAME) && path.is_dir() && !path.is_symlink());
    found
}
