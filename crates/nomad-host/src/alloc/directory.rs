//! The directory tree of an allocation, made and removed as a client does.

use crate::alloc::environment::AllocatedPort;
use crate::alloc::identity::JobIdentity;
use linux_host::mountinfo::{self, Mount};
use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A directory could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum AllocError {
    /// A system call failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A task's name cannot be the name of a directory.
    #[error("`{0}` cannot be the name of a task's directory")]
    Name(String),
    /// Something is mounted inside, so removing would reach out of the tree.
    #[error("cannot remove {}: {} is mounted", path.display(), mount.display())]
    Mounted {
        /// The allocation's directory.
        path: PathBuf,
        /// A mount point in it.
        mount: PathBuf,
    },
}

/// The modes are Nomad's: tasks of any user write here, and the directory above keeps others out.
const SHARED: Mode = Mode::from_raw_mode(0o755);
const OPEN: Mode = Mode::from_raw_mode(0o777);
const STICKY: Mode = Mode::from_raw_mode(0o1777);

/// An allocation with its directories. Nothing is removed until [`Allocation::remove`].
#[derive(Debug, Clone)]
pub struct Allocation {
    /// A random UUID, or the one given.
    pub id: String,
    /// The job, group and node it belongs to.
    pub identity: JobIdentity,
    /// The ports it was given.
    pub ports: Vec<AllocatedPort>,
    root: PathBuf,
}

/// The directories of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDirs {
    /// `<alloc>/<task>`.
    pub root: PathBuf,
    /// `/local` in the task.
    pub local: PathBuf,
    /// `/secrets` in the task.
    pub secrets: PathBuf,
    /// `tmp`.
    pub tmp: PathBuf,
    /// Never mounted into the task.
    pub private: PathBuf,
}

impl Allocation {
    /// An allocation of an example job with a new id, its tree beneath `base`.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn create(base: &Path) -> Result<Self, AllocError> {
        Self::create_for(base, Uuid::new_v4().to_string(), JobIdentity::default())
    }

    /// Makes `<base>/<id>/alloc/{logs,tmp,data}`.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn create_for(base: &Path, id: String, identity: JobIdentity) -> Result<Self, AllocError> {
        let root = base.join(&id);
        make(&root, SHARED)?;
        let alloc = Self { id, identity, ports: Vec::new(), root };
        make(&alloc.shared(), SHARED)?;
        for directory in [alloc.logs(), alloc.shared().join("tmp"), alloc.shared().join("data")] {
            make(&directory, OPEN)?;
        }
        Ok(alloc)
    }

    /// The allocation's root, which the task configuration carries as `alloc_dir`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `/alloc` in every task.
    pub fn shared(&self) -> PathBuf {
        self.root.join("alloc")
    }

    /// Where log pipes and log files are.
    pub fn logs(&self) -> PathBuf {
        self.shared().join("logs")
    }

    /// Where the directories of a task are, whether or not they exist.
    pub fn task_dirs(&self, task: &str) -> TaskDirs {
        let root = self.root.join(task);
        TaskDirs {
            local: root.join("local"),
            secrets: root.join("secrets"),
            tmp: root.join("tmp"),
            private: root.join("private"),
            root,
        }
    }

    /// Makes a task's directories, where they do not exist yet.
    pub(super) fn make_task_dirs(&self, name: &str) -> Result<(), AllocError> {
        if name.is_empty()
            || name.contains('/')
            || name.contains('\0')
            || [".", "..", "alloc"].contains(&name)
        {
            return Err(AllocError::Name(name.to_owned()));
        }
        let dirs = self.task_dirs(name);
        for (directory, mode) in [
            (&dirs.root, OPEN),
            (&dirs.local, OPEN),
            (&dirs.secrets, OPEN),
            (&dirs.tmp, STICKY),
            (&dirs.private, OPEN),
        ] {
            make(directory, mode)?;
        }
        Ok(())
    }

    /// Removes the whole tree. No link is followed; something mounted inside is an error.
    ///
    /// # Errors
    /// Something is mounted inside, or an entry cannot be removed.
    pub fn remove(&self) -> Result<(), AllocError> {
        remove_tree(&self.root)
    }
}

/// Removes an allocation's tree; one that does not exist is success.
pub(crate) fn remove_tree(root: &Path) -> Result<(), AllocError> {
    let failed = |operation, source| AllocError::Io { operation, path: root.to_owned(), source };
    let mounts =
        mountinfo::of_process(Path::new("/proc/self")).map_err(|e| failed("look for mounts in", e))?;
    if let Some(mount) = mount_beneath(mounts, root) {
        return Err(AllocError::Mounted { path: root.to_owned(), mount });
    }
    match std::fs::remove_dir_all(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(|error| failed("remove", error)),
    }
}

fn mount_beneath(mounts: Vec<Mount>, root: &Path) -> Option<PathBuf> {
    mounts.into_iter().map(|mount| mount.point).find(|point| point.starts_with(root))
}

fn make(path: &Path, mode: Mode) -> Result<(), AllocError> {
    let failed = |operation| {
        move |error: Errno| AllocError::Io { operation, path: path.to_owned(), source: error.into() }
    };
    match rustix::fs::mkdirat(CWD, path, mode) {
        // The process's umask may have taken bits away.
        Ok(()) => rustix::fs::chmodat(CWD, path, mode, rustix::fs::AtFlags::empty())
            .map_err(failed("set the mode of")),
        Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(failed("make")(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_tree_has_nomads_directories_and_modes() {
        let base = tempfile::tempdir().unwrap();
        let alloc = Allocation::create(base.path()).unwrap();
        alloc.task("web").unwrap();
        let dirs = alloc.task_dirs("web");
        for directory in
            ["alloc/logs", "alloc/tmp", "alloc/data", "web", "web/local", "web/secrets", "web/private"]
        {
            assert_eq!(mode(&alloc.root().join(directory)), 0o777, "{directory}");
        }
        assert_eq!(mode(&dirs.tmp), 0o1777);
        assert_eq!(mode(&alloc.shared()), 0o755);
    }

    #[test]
    fn removing_leaves_what_links_point_to() {
        let base = tempfile::tempdir().unwrap();
        let outside = base.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "x").unwrap();
        let alloc = Allocation::create(base.path()).unwrap();
        alloc.task("web").unwrap();
        symlink(&outside, alloc.task_dirs("web").local.join("link")).unwrap();
        alloc.remove().unwrap();
        assert!(!alloc.root().exists());
        assert!(outside.join("kept").exists());
        alloc.remove().unwrap();
    }

    #[test]
    fn a_name_that_leaves_the_tree_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let alloc = Allocation::create(base.path()).unwrap();
        for name in ["", ".", "..", "a/b", "alloc"] {
            assert!(matches!(alloc.task(name), Err(AllocError::Name(_))), "{name}");
        }
    }

    #[test]
    fn a_mount_inside_the_tree_is_seen() {
        let mountinfo =
            b"1 2 0:3 / /proc rw - proc proc rw\n4 2 0:5 / /a\\040b/c/local rw - tmpfs tmpfs rw\n";
        let beneath = |root| mount_beneath(mountinfo::parse(mountinfo), Path::new(root));
        assert_eq!(beneath("/a b/c"), Some("/a b/c/local".into()));
        assert_eq!(beneath("/a b/cd"), None);
    }
}
