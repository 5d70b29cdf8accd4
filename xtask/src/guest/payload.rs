//! The guest's second disk: programs under test, what the tests need, and which of them run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::root;
use crate::{files, place};

/// Where the guest has it.
const MOUNTED: &str = "/payload";

/// Room for the file system's own tables, in bytes.
const SPARE: u64 = 64 << 20;

/// One test binary and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Suite {
    /// Its name on the disk.
    pub(crate) program: String,
    /// What it is called with.
    pub(crate) args: Vec<String>,
}

/// A file or directory that goes onto the disk.
pub(crate) struct Item {
    /// Its name there.
    pub(crate) name: &'static str,
    /// Where it is now.
    pub(crate) from: PathBuf,
}

/// The disk, as long as it is needed.
pub(crate) struct Payload {
    dir: TempDir,
}

impl Payload {
    /// Writes a disk.
    ///
    /// # Errors
    /// Something can not be read or written.
    pub(crate) fn write(items: &[Item], suites: &[Suite]) -> Result<Self> {
        let dir =
            tempfile::tempdir_in(place::cache("guest")?).context("can not make a directory for a disk")?;
        let tree = dir.path().join("tree");
        std::fs::create_dir(&tree).context("can not make the tree of a disk")?;
        let json = serde_json::to_vec_pretty(suites).context("can not write suites as JSON")?;
        std::fs::write(tree.join("suites.json"), json).context("can not write suites.json")?;
        let mut size = SPARE;
        for Item { name, from } in items {
            size += copy(from, &tree.join(name))?;
        }
        root::file_system(&tree, &dir.path().join("payload.ext4"), &format!("{}k", size / 1024))?;
        std::fs::remove_dir_all(&tree).context("can not remove the tree of a disk")?;
        Ok(Self { dir })
    }

    /// The file of the disk.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("payload.ext4")
    }
}

/// In the guest: an item of the disk.
pub(crate) fn item(name: &str) -> PathBuf {
    Path::new(MOUNTED).join(name)
}

/// In the guest: the suites that are to run.
///
/// # Errors
/// This is no guest.
pub(crate) fn suites() -> Result<Vec<Suite>> {
    let file = item("suites.json");
    let json = std::fs::read(&file).with_context(|| format!("no guest: can not read {}", file.display()))?;
    serde_json::from_slice(&json).context("suites.json is no list of suites")
}

/// Copies a file, or a directory with the files in it; gives the bytes.
fn copy(from: &Path, to: &Path) -> Result<u64> {
    let said = || format!("can not copy {} to {}", from.display(), to.display());
    if !from.is_dir() {
        return std::fs::copy(from, to).with_context(said);
    }
    std::fs::create_dir(to).with_context(said)?;
    let mut size = 0;
    for inner in files::entries(from)? {
        size += copy(&inner, &to.join(files::name(&inner)))?;
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_copied_with_what_is_in_it_and_measured() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        std::fs::create_dir_all(from.join("inner")).unwrap();
        std::fs::write(from.join("one"), "12").unwrap();
        std::fs::write(from.join("inner/two"), "345").unwrap();
        let to = dir.path().join("to");
        assert_eq!(copy(&from, &to).unwrap(), 5);
        assert_eq!(std::fs::read_to_string(to.join("inner/two")).unwrap(), "345");
    }
}
