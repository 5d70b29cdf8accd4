//! The Rust files of the workspace.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{files, place};

/// A source file: its path from the workspace's root, and its text.
pub(crate) struct Source {
    /// With `/` between its parts.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

/// All Rust files but those in hidden and build directories, in the order of their paths.
///
/// # Errors
/// A directory or file can not be read.
pub(crate) fn all() -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    collect(place::workspace(), &mut paths)?;
    paths.into_iter().map(|path| read(&path)).collect()
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for path in files::entries(dir)? {
        let name = files::name(&path);
        if path.is_dir() && !path.is_symlink() && !name.starts_with('.') && name != "target" {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Source> {
    let text = std::fs::read_to_string(path).with_context(|| format!("can not read {}", path.display()))?;
    let path = path.strip_prefix(place::workspace()).unwrap_or(path).display().to_string();
    Ok(Source { path, text })
}
