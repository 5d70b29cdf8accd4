//! Small file work that several rooms of this crate share.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;

/// The entries of a directory in the order of their names; a directory that is missing has none.
///
/// # Errors
/// The directory exists and can not be read.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let reader = match std::fs::read_dir(dir) {
        Ok(reader) => reader,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("can not list {}", dir.display())),
    };
    let mut found = Vec::new();
    for entry in reader {
        found.push(entry.with_context(|| format!("can not list {}", dir.display()))?.path());
    }
    found.sort();
    Ok(found)
}

/// The last part of a path as text; empty where there is none.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Writes a file under another name first, so that it is either whole or absent.
///
/// # Errors
/// The file can not be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let half = path.with_extension("half");
    std::fs::write(&half, bytes).with_context(|| format!("can not write {}", half.display()))?;
    std::fs::rename(&half, path).with_context(|| format!("can not rename to {}", path.display()))
}

/// Waits until no other process works on what `path` stands for; the work ends when the lock is dropped.
///
/// # Errors
/// The file can not be made or locked.
pub(crate) fn lock(path: &Path) -> Result<OwnedFd> {
    let file = std::fs::File::create(path).with_context(|| format!("can not make {}", path.display()))?;
    retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))
        .with_context(|| format!("can not lock {}", path.display()))?;
    Ok(file.into())
}

/// The last `count` lines of a text.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_short_text_is_the_text() {
        assert_eq!(tail("a\nb", 5), "a\nb");
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
    }

    #[test]
    fn a_missing_directory_has_no_entries() {
        assert_eq!(entries(Path::new("/a/directory/that/is/missing")).unwrap(), Vec::<PathBuf>::new());
    }
}
