//! The root file system (`root`).

use std::path::PathBuf;

use crate::Access;

/// Where the runtime finds the root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rootfs {
    /// Path of the root; relative to the bundle (containerd's shims mount it at `rootfs`) or absolute.
    pub path: PathBuf,
    /// Whether the container may write to it.
    pub access: Access,
}
