//! Mounts (`mounts`): the task's over the baseline's, parents before children.

use std::path::PathBuf;

/// Whether something mounted can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// How later mounts spread between the host's side of a bind mount and the container's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Neither way (`rprivate`).
    Private,
    /// From the host into the container (`rslave`).
    HostToTask,
    /// Both ways (`rshared`); the source must be a shared mount.
    Bidirectional,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A recursive bind of a file or directory of the host.
    Bind {
        /// Absolute path on the host.
        source: PathBuf,
        /// How later mounts spread.
        propagation: Propagation,
    },
    /// A file system of its own, such as a tmpfs.
    Filesystem {
        /// Type as in `mount -t`.
        kind: String,
        /// The device or name that the type expects.
        source: String,
    },
}

/// One mount of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path in the container, without `..`.
    pub destination: PathBuf,
    /// What is mounted there.
    pub kind: MountKind,
    /// Whether the container may write to it.
    pub access: Access,
    /// Further fstab options (`nosuid`, `size=64m`), in order.
    pub options: Vec<String>,
}
