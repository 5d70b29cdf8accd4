//! What files of the host and of images say.

pub(crate) mod cgroups;
pub(crate) mod devices;
pub(crate) mod files;

use std::path::Path;

/// Runs with a directory for the files of one input.
pub(crate) fn with_directory<T>(run: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static DIRECTORY: tempfile::TempDir = tempfile::tempdir().unwrap();
    }
    DIRECTORY.with(|directory| run(directory.path()))
}
