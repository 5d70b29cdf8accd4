//! A mount of the host from which others spread.

use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use tempfile::TempDir;

/// A shared mount of the test's own, as a host's root often is. Dropping it unmounts all that is beneath it.
#[derive(Debug)]
pub struct SharedMount(TempDir);

impl SharedMount {
    /// Mounts it in a directory that is made.
    #[expect(clippy::new_without_default, reason = "it mounts something")]
    pub fn new() -> Self {
        let place = Self(tempfile::Builder::new().prefix("containerd-driver-e2e.").tempdir().unwrap());
        mount("shared", place.path(), "tmpfs", MountFlags::empty(), None).unwrap();
        mount_change(place.path(), MountPropagationFlags::SHARED).unwrap();
        place
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A directory in it, which is made.
    pub fn directory(&self, name: &str) -> PathBuf {
        let directory = self.path().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        directory
    }
}

impl Drop for SharedMount {
    fn drop(&mut self) {
        let unmounted = unmount(self.path(), UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
        assert!(unmounted.is_ok() || std::thread::panicking(), "{unmounted:?}");
    }
}
