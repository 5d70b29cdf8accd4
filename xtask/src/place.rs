//! Where things lie: the workspace, its build directory and what is cached beneath it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Cargo's build directory: `$CARGO_TARGET_DIR`, else `target` in the workspace.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace().join(dir),
        None => workspace().join("target"),
    }
}

/// A directory of the cache (`target/xtask/<name>`), made when it is missing.
///
/// # Errors
/// The directory can not be made.
pub(crate) fn cache(name: &str) -> Result<PathBuf> {
    let dir = target().join("xtask").join(name);
    std::fs::create_dir_all(&dir).with_context(|| format!("can not make {}", dir.display()))?;
    Ok(dir)
}

/// The release binary of the driver, whether or not it was built yet.
pub(crate) fn driver_binary() -> PathBuf {
    target().join("release").join("containerd-driver")
}

/// The first file called `name` in `$PATH` or in the directories that only root's PATH has.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own: Vec<PathBuf> = env::split_paths(&path).collect();
    let extra = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    own.into_iter().chain(extra).map(|dir| dir.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_the_directory_of_the_lock_file() {
        assert!(workspace().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_program_that_is_nowhere_is_not_found() {
        assert_eq!(program("a-program-that-nobody-has"), None);
        assert!(program("sh").is_some());
    }
}
