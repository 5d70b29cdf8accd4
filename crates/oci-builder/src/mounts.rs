//! Mounts (`mounts`): the task's over the baseline's, parents before children.

use std::path::{Path, PathBuf};

use crate::{BuildError, check};

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
    /// A bind of one directory or file without what is mounted beneath it.
    ShallowBind {
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

/// What mounts add to a spec.
pub(crate) struct SpecMounts {
    /// In the order in which the runtime mounts them.
    pub(crate) list: Vec<oci_spec::runtime::Mount>,
    /// Propagation of the container's root, where a mount needs one; else the runtime's default.
    pub(crate) rootfs_propagation: Option<String>,
}

/// Puts the task's mounts over those of every container (`base`).
pub(crate) fn mounts(
    base: Vec<oci_spec::runtime::Mount>,
    mounts: Vec<Mount>,
) -> Result<SpecMounts, BuildError> {
    let rootfs_propagation = rootfs_propagation(&mounts);
    let mut of_task: Vec<oci_spec::runtime::Mount> = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let mount = mount.into_spec()?;
        match of_task.iter().find(|earlier| same_place(earlier, &mount)) {
            Some(earlier) if *earlier != mount => {
                return Err(BuildError::MountTwice { destination: mount.destination().clone() });
            }
            Some(_) => {}
            None => of_task.push(mount),
        }
    }
    let mut list = base;
    list.retain(|base| !of_task.iter().any(|mount| same_place(mount, base)));
    list.append(&mut of_task);
    list.sort_by_cached_key(|mount| depth(mount.destination()));
    Ok(SpecMounts { list, rootfs_propagation })
}

/// A mount that spreads to the host needs a shared root, one that receives from it a slave one at least (which is
/// also the runtime's default).
fn rootfs_propagation(mounts: &[Mount]) -> Option<String> {
    let spreads = |wanted| {
        mounts.iter().any(|mount| match mount.kind {
            MountKind::Bind { propagation, .. } | MountKind::ShallowBind { propagation, .. } => {
                propagation == wanted
            }
            MountKind::Filesystem { .. } => false,
        })
    };
    if spreads(Propagation::Bidirectional) {
        Some("rshared".to_owned())
    } else if spreads(Propagation::HostToTask) {
        Some("rslave".to_owned())
    } else {
        None
    }
}

/// Whether both have the same destination; every destination here is normalised, so that its bytes say it.
fn same_place(one: &oci_spec::runtime::Mount, other: &oci_spec::runtime::Mount) -> bool {
    one.destination().as_os_str() == other.destination().as_os_str()
}

fn depth(destination: &Path) -> usize {
    destination.components().count()
}

impl Mount {
    /// The path of the host that is bound, if one is.
    #[must_use]
    pub fn source(&self) -> Option<&Path> {
        match &self.kind {
            MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } => Some(source),
            MountKind::Filesystem { .. } => None,
        }
    }

    fn into_spec(self) -> Result<oci_spec::runtime::Mount, BuildError> {
        let Self { destination, kind, access, options } = self;
        check::absolute_path("mount destination", &destination)?;
        options.iter().try_for_each(|option| check::no_nul("mount option", option))?;
        let destination: PathBuf = destination.components().collect();
        if depth(&destination) < 2 {
            return Err(BuildError::MountOnRoot);
        }
        let is_readable_only = access == Access::ReadOnly;
        let access = access.option().to_owned();
        let bind = |word: &str, source: PathBuf, propagation: Propagation| {
            check::absolute_path("mount source", &source)?;
            let options = vec![word.to_owned(), access.clone(), propagation.option().to_owned()];
            Ok(("bind".to_owned(), source, options))
        };
        let (kind, source, mut all) = match kind {
            MountKind::Bind { source, propagation } => bind("rbind", source, propagation)?,
            MountKind::ShallowBind { source, propagation } => bind("bind", source, propagation)?,
            MountKind::Filesystem { kind, source } => {
                check::no_nul("mount type", &kind)?;
                check::no_nul("mount source", &source)?;
                (kind, PathBuf::from(source), vec![access])
            }
        };
        // The runtime would take it for the last word.
        all.extend(options.into_iter().filter(|option| !(is_readable_only && option == "rrw")));
        let mut mount = oci_spec::runtime::Mount::default();
        mount
            .set_destination(destination)
            .set_typ(Some(kind))
            .set_source(Some(source))
            .set_options(Some(all))
            .set_uid_mappings(None)
            .set_gid_mappings(None);
        Ok(mount)
    }
}

impl Access {
    fn option(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::ReadWrite => "rw",
        }
    }
}

impl Propagation {
    fn option(self) -> &'static str {
        match self {
            Self::Private => "rprivate",
            Self::HostToTask => "rslave",
            Self::Bidirectional => "rshared",
        }
    }
}

#[cfg(test)]
mod tests;
