//! The driver's own files: one directory a task beneath `state_dir`, never in a directory that a task can write.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::DriverError;
use crate::ids::ContainerId;
use crate::staging;

/// `state_dir` and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct StateDir {
    root: PathBuf,
}

impl StateDir {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory of one task's files.
    pub(crate) fn task(&self, id: &ContainerId) -> PathBuf {
        self.root.join("tasks").join(id.as_str())
    }

    /// Where objects of one task are mounted while it is created.
    pub(crate) fn staging(&self, id: &ContainerId) -> PathBuf {
        self.task(id).join("staged")
    }

    /// The directory for the FIFOs of one exec.
    pub(crate) fn exec(&self, id: &ContainerId, exec_id: &str) -> PathBuf {
        self.task(id).join(exec_id)
    }

    /// Makes an empty directory for a task (mode 0700); what an earlier start left in it is removed.
    pub(crate) fn prepare_task(&self, id: &ContainerId) -> Result<PathBuf, DriverError> {
        self.private_root()?;
        self.remove_task(id)?;
        let dir = self.task(id);
        make(&dir)?;
        Ok(dir)
    }

    /// Makes the directory of an exec, and the task's where a reboot or an operator removed it.
    pub(crate) fn prepare_exec(&self, id: &ContainerId, exec_id: &str) -> Result<PathBuf, DriverError> {
        self.private_root()?;
        let dir = self.exec(id, exec_id);
        make(&dir)?;
        Ok(dir)
    }

    /// Removes a task's directory; none is success.
    pub(crate) fn remove_task(&self, id: &ContainerId) -> Result<(), DriverError> {
        staging::unstage(&self.staging(id))?;
        remove(&self.task(id))
    }

    /// Removes an exec's directory; none is success.
    pub(crate) fn remove_exec(&self, id: &ContainerId, exec_id: &str) -> Result<(), DriverError> {
        remove(&self.exec(id, exec_id))
    }

    /// The root is a directory of ours that nobody else can write.
    fn private_root(&self) -> Result<(), DriverError> {
        make(&self.root)?;
        let meta =
            fs::symlink_metadata(&self.root).map_err(DriverError::file("can not look at", &self.root))?;
        let own_user = fs::metadata("/proc/self")
            .map(|me| me.uid())
            .map_err(DriverError::file("can not look at", "/proc/self"))?;
        let ours = meta.is_dir() && meta.uid() == own_user && meta.mode() & 0o022 == 0;
        if ours {
            return Ok(());
        }
        let reason = "state_dir must be a directory of the driver's own user that nobody else can write";
        Err(DriverError::file("can not use", &self.root)(io::Error::new(
            io::ErrorKind::PermissionDenied,
            reason,
        )))
    }
}

fn make(dir: &Path) -> Result<(), DriverError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(DriverError::file("can not make", dir))
}

fn remove(dir: &Path) -> Result<(), DriverError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DriverError::file("can not remove", dir)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_task_gets_an_empty_private_directory_each_time() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::new(&base.path().join("state"));
        let id = ContainerId::existing("web-1");
        let dir = state.prepare_task(&id).unwrap();
        fs::write(dir.join("hosts"), "x").unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!state.prepare_task(&id).unwrap().join("hosts").exists());
        state.remove_task(&id).unwrap();
        state.remove_task(&id).unwrap();
        assert!(!dir.exists());
    }

    #[test]
    fn a_root_that_others_can_write_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = StateDir::new(base.path()).prepare_task(&ContainerId::existing("a")).unwrap_err();
        assert!(crate::error::chain(&error).contains("nobody else can write"), "{error}");
    }
}
