//! The cgroups that a Nomad client of version 1.7 or later makes before it starts a task.

use linux_host::cgroup::{CgroupError, CgroupMode, CgroupMounts, Controller};
use std::path::{Path, PathBuf};

/// A cgroup could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupsError {
    /// The hierarchies are not known.
    #[error("the cgroup hierarchies cannot be read")]
    Mounts(#[from] CgroupError),
    /// A directory or file of a hierarchy.
    #[error("cannot {operation} the cgroup {}", path.display())]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// Where the scopes of tasks without reserved cores are on v2, and what is above.
const SHARE: &str = "nomad.slice/share.slice";
const SLICE: &str = "nomad.slice";

/// The cgroups made for one task, and those above it that did not exist before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskCgroups {
    /// What the task configuration carries as `cpuset_cgroup`; empty for none.
    pub cpuset_cgroup: String,
    /// Every directory that was made, inner ones last.
    made: Vec<PathBuf>,
}

impl TaskCgroups {
    /// Does as a client does. On v1: `nomad/<alloc>.<task>` for freezer, cpu and memory, and the
    /// cpuset that tasks share. On v2: the task's scope in `nomad.slice/share.slice`.
    ///
    /// # Errors
    /// A hierarchy is not there, or a directory cannot be made; what was made is removed then.
    pub fn create(alloc_id: &str, task: &str) -> Result<Self, CgroupsError> {
        let mounts = CgroupMounts::read()?;
        let mut cgroups = Self::default();
        let result = match mounts.mode() {
            CgroupMode::V1 => cgroups.create_v1(&mounts, alloc_id, task),
            CgroupMode::V2 => cgroups.create_v2(&mounts, alloc_id, task),
        };
        match result {
            Ok(()) => Ok(cgroups),
            Err(error) => {
                let _ = cgroups.remove();
                Err(error)
            }
        }
    }

    /// What a client does on v2 and nothing on v1, where a driver finds a place by itself.
    ///
    /// # Errors
    /// As [`TaskCgroups::create`].
    pub fn create_on_v2(alloc_id: &str, task: &str) -> Result<Self, CgroupsError> {
        match CgroupMounts::read()?.mode() {
            CgroupMode::V1 => Ok(Self::default()),
            CgroupMode::V2 => Self::create(alloc_id, task),
        }
    }

    /// The directories that were made, inner ones last.
    pub fn directories(&self) -> &[PathBuf] {
        &self.made
    }

    fn create_v1(&mut self, mounts: &CgroupMounts, alloc_id: &str, task: &str) -> Result<(), CgroupsError> {
        for controller in [Controller::Freezer, Controller::Cpu, Controller::Memory] {
            if let Some(mount) = mounts.controller(controller) {
                let parent = mount.join("nomad");
                self.make(&parent)?;
                self.make(&parent.join(format!("{alloc_id}.{task}")))?;
            }
        }
        if let Some(mount) = mounts.controller(Controller::Cpuset) {
            let (parent, share) = (mount.join("nomad"), mount.join("nomad/share"));
            for (directory, above) in [(&parent, mount), (&share, &parent)] {
                if self.make(directory)? {
                    inherit_cpuset(directory, above)?;
                }
            }
            self.cpuset_cgroup = share.display().to_string();
        }
        Ok(())
    }

    fn create_v2(&mut self, mounts: &CgroupMounts, alloc_id: &str, task: &str) -> Result<(), CgroupsError> {
        let mount = mounts.controller(Controller::Cpu).ok_or(CgroupError::NotMounted)?;
        let share = mount.join(SHARE);
        self.make(&mount.join(SLICE))?;
        self.make(&share)?;
        let scope = share.join(format!("{alloc_id}.{task}.scope"));
        // With what is above it: another owner may just have removed an empty parent.
        std::fs::create_dir_all(&scope).map_err(|source| CgroupsError::Io {
            operation: "make",
            path: scope.clone(),
            source,
        })?;
        self.cpuset_cgroup = scope.display().to_string();
        self.made.push(scope);
        Ok(())
    }

    /// Whether the directory is new.
    fn make(&mut self, directory: &Path) -> Result<bool, CgroupsError> {
        match std::fs::create_dir(directory) {
            Ok(()) => {
                self.made.push(directory.to_owned());
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(CgroupsError::Io { operation: "make", path: directory.to_owned(), source }),
        }
    }

    /// Removes what was made. A cgroup that another task uses meanwhile stays.
    ///
    /// # Errors
    /// A directory cannot be removed for another reason.
    pub fn remove(&self) -> Result<(), CgroupsError> {
        remove_directories(&self.made)
    }

    /// Removes what a client that was killed has left of [`TaskCgroups::create_on_v2`] for an allocation. What its
    /// tasks share with others stays.
    ///
    /// # Errors
    /// The hierarchies are not known, or a directory cannot be removed.
    pub(crate) fn remove_left_on_v2(alloc_id: &str) -> Result<(), CgroupsError> {
        let mounts = CgroupMounts::read()?;
        match (mounts.mode(), mounts.controller(Controller::Cpu)) {
            (CgroupMode::V2, Some(mount)) => remove_directories(&named_after(&mount.join(SHARE), alloc_id)),
            _ => Ok(()),
        }
    }
}

/// The cgroups in a directory whose names begin with an allocation's id.
fn named_after(parent: &Path, alloc_id: &str) -> Vec<PathBuf> {
    let prefix = format!("{alloc_id}.");
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    ours.map(|entry| entry.path()).collect()
}

/// Removes cgroups, inner ones last in the list; those in use or gone are left.
fn remove_directories(directories: &[PathBuf]) -> Result<(), CgroupsError> {
    for directory in directories.iter().rev() {
        match std::fs::remove_dir(directory) {
            Ok(()) => {}
            Err(error) if is_left_alone(&error) => {}
            Err(source) => {
                return Err(CgroupsError::Io { operation: "remove", path: directory.clone(), source });
            }
        }
    }
    Ok(())
}

fn is_left_alone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{DirectoryNotEmpty, NotFound, ResourceBusy};
    matches!(error.kind(), NotFound | ResourceBusy | DirectoryNotEmpty)
}

/// A new cpuset is empty and takes no process until it has CPUs and memory nodes.
fn inherit_cpuset(directory: &Path, above: &Path) -> Result<(), CgroupsError> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let path = directory.join(file);
        let value = std::fs::read(above.join(file));
        let value =
            value.map_err(|source| CgroupsError::Io { operation: "read", path: path.clone(), source })?;
        std::fs::write(&path, value).map_err(|source| CgroupsError::Io {
            operation: "write",
            path,
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups_are_known_by_the_allocation_they_are_named_after() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["a1.web.scope", "a1.db.scope", "a12.web.scope", "a1"] {
            std::fs::create_dir(parent.path().join(name)).unwrap();
        }
        remove_directories(&named_after(parent.path(), "a1")).unwrap();
        let left = std::fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["a1", "a12.web.scope"]);
        assert!(named_after(Path::new("/no/such/hierarchy"), "a1").is_empty());
    }
}
