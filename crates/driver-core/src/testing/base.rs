//! What tests of a whole driver share: the port to the daemon in memory, and a directory for the driver's files.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::fake::FakePort;
use crate::node::state_dir::unstage;
use crate::ports::{ConnectPort, ContainerPort, ContainersError};
use crate::request::config::PluginConfig;

/// The way to a daemon in memory, whatever the configuration says.
pub(crate) struct Connect(pub(crate) Arc<FakePort>);

impl ConnectPort for Connect {
    fn connect(&self, _: &PluginConfig, _: &str) -> Result<Arc<dyn ContainerPort>, ContainersError> {
        Ok(self.0.clone())
    }
}

/// A directory for allocations and, beneath `state`, for the driver's own files. What is mounted there is taken away
/// with it, also when a test fails.
pub(crate) struct Base(TempDir);

impl Base {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let tasks = std::fs::read_dir(self.path().join("state/tasks")).into_iter().flatten().flatten();
        for task in tasks {
            let unstaged = unstage(&task.path().join("staged"));
            assert!(unstaged.is_ok() || std::thread::panicking(), "{unstaged:?}");
        }
    }
}
