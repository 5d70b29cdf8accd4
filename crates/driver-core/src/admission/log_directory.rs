//! The allocation's log directory: read-only in a container, whatever mount leads to it.
//!
//! Nomad's log collector writes there as root and follows links. A task that could replace a log file would choose the
//! file that root writes to.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use linux_host::{beneath, staged};
use oci_builder::{Access, Mount, MountKind, Propagation};

use crate::error::DriverError;
use crate::refusal::Refusal;
use crate::request::task::TaskDirs;

/// A directory by what it is, however it is named.
type Identity = (u64, u64);

/// The log directory and the directories that it lies in.
#[derive(Debug)]
pub(super) struct LogDirectory {
    path: PathBuf,
    /// Itself first, then each one above, with the path from there.
    from: Vec<(Identity, PathBuf)>,
}

/// Where a source leads.
#[derive(Debug, PartialEq, Eq)]
enum Leads {
    /// To something else.
    Elsewhere,
    /// Into the log directory, or to it.
    Inside,
    /// To a directory that the log directory lies in, with the path from there.
    Around(PathBuf),
}

impl LogDirectory {
    /// Looks for it. Blocking.
    pub(super) fn of(dirs: &TaskDirs) -> Result<Self, DriverError> {
        let unusable = DriverError::host("the allocation's log directory cannot be used");
        let found = beneath::open_root(&dirs.shared)
            .and_then(|shared| beneath::resolve(shared.as_fd(), Path::new("logs")))
            .map_err(std::io::Error::other)
            .and_then(|logs| staged::path_of(logs.as_fd()))
            .and_then(Self::at);
        found.map_err(|error| unusable(error.into()))
    }

    fn at(path: PathBuf) -> std::io::Result<Self> {
        let identified = path.ancestors().map(|above| {
            let rest = path.strip_prefix(above).map_err(std::io::Error::other)?;
            std::fs::metadata(above).map(|meta| ((meta.dev(), meta.ino()), rest.to_owned()))
        });
        let from = identified.collect::<Result<_, _>>()?;
        Ok(Self { path, from })
    }

    /// Makes the mount read-only where its source is in the log directory. Where it lies around it, gives the place of
    /// the log directory in the container, for a read-only mount over it.
    ///
    /// # Errors
    /// The refusal of a mount of the allocation whose later mounts would reach the host.
    pub(super) fn protect(
        &self,
        mount: &mut Mount,
        object: BorrowedFd<'_>,
        is_allocation: bool,
    ) -> Result<Option<PathBuf>, DriverError> {
        let (propagation, shallow) = match &mount.kind {
            MountKind::Bind { propagation, .. } => (*propagation, false),
            MountKind::ShallowBind { propagation, .. } => (*propagation, true),
            MountKind::Filesystem { .. } => return Ok(None),
        };
        match self.leads(object, shallow)? {
            Leads::Inside => mount.access = Access::ReadOnly,
            Leads::Around(_) if mount.access == Access::ReadOnly => {}
            Leads::Around(rest) if propagation != Propagation::Bidirectional => {
                return Ok(Some(mount.destination.join(rest)));
            }
            Leads::Around(_) if is_allocation => {
                let hint = "a mount with ../alloc/logs in it cannot be rshared; mount a directory beside it, such as \
                            ../alloc/data, or leave rshared out";
                return Err(Refusal::new("mounts.options", "rshared", hint).into());
            }
            // A mount over it would appear on the host. Such a source is the operator's to give.
            Leads::Around(_) | Leads::Elsewhere => {}
        }
        Ok(None)
    }

    fn leads(&self, object: BorrowedFd<'_>, shallow: bool) -> Result<Leads, DriverError> {
        let look = |error: std::io::Error| {
            DriverError::host("the source of a mount cannot be looked at")(error.into())
        };
        let meta = staged::identity(object).map_err(look)?;
        let around = self.from.iter().find(|(identity, _)| *identity == meta);
        let same_file_system = self.from.first().is_some_and(|((device, _), _)| *device == meta.0);
        match around {
            Some((_, rest)) if rest.as_os_str().is_empty() => Ok(Leads::Inside),
            // Without what is mounted beneath it, the source does not have the log directory of another file system.
            Some((_, rest)) if same_file_system || !shallow => Ok(Leads::Around(rest.clone())),
            Some(_) => Ok(Leads::Elsewhere),
            None if staged::path_of(object).map_err(look)?.starts_with(&self.path) => Ok(Leads::Inside),
            None => Ok(Leads::Elsewhere),
        }
    }
}

/// The places of the log directory in the container, from the destination of each mount and what [`LogDirectory::protect`]
/// gave for it. Of mounts with one destination the last one counts, and what a deeper mount covers is not seen.
pub(super) fn places(mounts: &[(PathBuf, Option<PathBuf>)]) -> Vec<PathBuf> {
    let is_seen = |(place_of, (destination, place)): (usize, &(PathBuf, Option<PathBuf>))| {
        let place = place.as_ref()?;
        let covers = |(other, (over, _)): (usize, &(PathBuf, Option<PathBuf>))| match over == destination {
            true => other > place_of,
            false => over.starts_with(destination) && place.starts_with(over),
        };
        (!mounts.iter().enumerate().any(covers)).then(|| place.clone())
    };
    mounts.iter().enumerate().filter_map(is_seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(source: &Path, access: Access, propagation: Propagation) -> Mount {
        let kind = MountKind::Bind { source: source.to_owned(), propagation };
        Mount { destination: "/x".into(), kind, access, options: Vec::new() }
    }

    /// What becomes of a mount of the source, and where the log directory is covered.
    fn protected(logs: &LogDirectory, source: &Path) -> (Access, Option<PathBuf>) {
        let mut mount = mount(source, Access::ReadWrite, Propagation::Private);
        let object = staged::object_at(source).unwrap();
        let place = logs.protect(&mut mount, object.as_fd(), true).unwrap();
        (mount.access, place)
    }

    fn allocation() -> (tempfile::TempDir, TaskDirs) {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("alloc-1");
        std::fs::create_dir_all(root.join("alloc/logs/old")).unwrap();
        std::fs::create_dir_all(root.join("alloc/data")).unwrap();
        let dirs = TaskDirs { shared: root.join("alloc"), alloc_root: root, ..TaskDirs::default() };
        (base, dirs)
    }

    #[test]
    fn whatever_leads_to_the_log_directory_cannot_write_there() {
        let (base, dirs) = allocation();
        let logs = LogDirectory::of(&dirs).unwrap();
        for inside in ["logs", "logs/old"] {
            assert_eq!(protected(&logs, &dirs.shared.join(inside)), (Access::ReadOnly, None), "{inside}");
        }
        let over = |place: &str| (Access::ReadWrite, Some(PathBuf::from(place)));
        assert_eq!(protected(&logs, &dirs.shared), over("/x/logs"));
        assert_eq!(protected(&logs, &dirs.alloc_root), over("/x/alloc/logs"));
        assert_eq!(protected(&logs, base.path()), over("/x/alloc-1/alloc/logs"));
        assert_eq!(protected(&logs, &dirs.shared.join("data")), (Access::ReadWrite, None));
        std::os::unix::fs::symlink(&dirs.shared, base.path().join("link")).unwrap();
        assert_eq!(protected(&logs, &base.path().join("link")), over("/x/logs"));
    }

    #[test]
    fn a_mount_that_would_spread_to_the_host_is_refused_where_it_is_the_allocations() {
        let (_base, dirs) = allocation();
        let logs = LogDirectory::of(&dirs).unwrap();
        let object = staged::object_at(&dirs.shared).unwrap();
        let mut shared = mount(&dirs.shared, Access::ReadWrite, Propagation::Bidirectional);
        let refused = logs.protect(&mut shared, object.as_fd(), true).unwrap_err().to_string();
        assert!(refused.starts_with(r#"mounts.options = "rshared": "#), "{refused}");
        assert_eq!(logs.protect(&mut shared, object.as_fd(), false).unwrap(), None);
    }

    #[test]
    fn a_link_in_the_place_of_the_log_directory_is_refused() {
        let (_base, dirs) = allocation();
        std::fs::remove_dir_all(dirs.shared.join("logs")).unwrap();
        std::os::unix::fs::symlink("/etc", dirs.shared.join("logs")).unwrap();
        let error = crate::error::chain(&LogDirectory::of(&dirs).unwrap_err());
        assert!(error.starts_with("the allocation's log directory cannot be used"), "{error}");
    }

    #[test]
    fn what_another_mount_covers_is_not_covered_twice() {
        let of = |mounts: &[(&str, Option<&str>)]| -> Vec<String> {
            let mounts: Vec<_> =
                mounts.iter().map(|(at, place)| (PathBuf::from(at), place.map(PathBuf::from))).collect();
            places(&mounts).into_iter().map(|place| place.display().to_string()).collect()
        };
        assert_eq!(of(&[("/x", Some("/x/logs")), ("/y", None)]), ["/x/logs"]);
        assert_eq!(of(&[("/x", Some("/x/logs")), ("/x/logs", None)]), Vec::<String>::new());
        assert_eq!(of(&[("/x", Some("/x/a/logs")), ("/x/a", Some("/x/a/logs"))]), ["/x/a/logs"]);
        assert_eq!(of(&[("/x", Some("/x/logs")), ("/x", None)]), Vec::<String>::new());
        assert_eq!(of(&[("/x", None), ("/x", Some("/x/logs"))]), ["/x/logs"]);
    }
}
