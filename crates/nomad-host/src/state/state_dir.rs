//! The directory of all runs, and who of them lives.

use crate::state::error::StateError;
use crate::state::run_dir::RunDir;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind::{NotFound, WouldBlock};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

const RUNS: &str = "runs";
const ALLOCS: &str = "allocs";
const NODE_ID: &str = "node_id";

/// A directory (0700) with one directory for each run, its allocations and the id of its node.
#[derive(Debug, Clone)]
pub struct StateDir {
    base: PathBuf,
}

impl StateDir {
    /// The directory. Nothing is made before [`StateDir::begin`].
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// The id of the node that all runs of this directory are on, by which a driver knows what earlier ones
    /// left. A new one where none is kept yet: the first run to begin keeps its own.
    pub fn node_id(&self) -> String {
        self.kept_node_id().unwrap_or_else(Uuid::new_v4).to_string()
    }

    fn kept_node_id(&self) -> Option<Uuid> {
        let kept = std::fs::read_to_string(self.base.join(NODE_ID)).ok()?;
        Uuid::parse_str(kept.trim()).ok()
    }

    /// The directory that holds an allocation's root under the allocation's id.
    pub fn allocs(&self) -> PathBuf {
        self.base.join(ALLOCS)
    }

    /// Makes the directory of this process's run. `place` are the plugin options by which tasks are found again:
    /// they are kept in a file, so no secret may be among them.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn begin(
        &self,
        alloc_id: &str,
        node_id: &str,
        place: &BTreeMap<String, String>,
    ) -> Result<RunDir, StateError> {
        let (runs, allocs) = (self.base.join(RUNS), self.allocs());
        for directory in [&runs, &allocs] {
            std::fs::create_dir_all(directory).map_err(StateError::io("make", directory))?;
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.base, private)
            .map_err(StateError::io("set the mode of", &self.base))?;
        // Runs begin and look in turns, so that none is found between its making and its lock.
        let _turn = lock(&runs, FlockOperation::LockExclusive)?;
        if self.kept_node_id().is_none() {
            let path = self.base.join(NODE_ID);
            std::fs::write(&path, node_id).map_err(StateError::io("write", &path))?;
        }
        let path = runs.join(alloc_id);
        std::fs::create_dir(&path).map_err(StateError::io("make", &path))?;
        let lock = lock(&path, FlockOperation::NonBlockingLockExclusive)?;
        RunDir::make(path, lock, place)
    }

    /// The runs whose process has ended before they removed their directories. While a value lives, no other
    /// process finds it. What cannot be looked at is reported beside them and stays.
    ///
    /// # Errors
    /// [`StateError::Io`] for the directory itself.
    pub fn dead(&self) -> Result<Vec<Result<RunDir, StateError>>, StateError> {
        let runs = self.base.join(RUNS);
        let _turn = match lock(&runs, FlockOperation::LockExclusive) {
            Err(StateError::Io { source, .. }) if source.kind() == NotFound => {
                return Ok(Vec::new());
            }
            turn => turn?,
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&runs).map_err(StateError::io("read", &runs))? {
            let path = entry.map_err(StateError::io("read", &runs))?.path();
            match lock(&path, FlockOperation::NonBlockingLockExclusive) {
                // One that has just removed its directory leaves the lock of nothing.
                Ok(lock) if path.exists() => found.push(Ok(RunDir::found(path, lock))),
                Ok(_) => {}
                Err(StateError::Io { source, .. }) if matches!(source.kind(), WouldBlock | NotFound) => {}
                Err(error) => found.push(Err(error)),
            }
        }
        Ok(found)
    }
}

fn lock(directory: &Path, operation: FlockOperation) -> Result<File, StateError> {
    let failed = |error: Errno| StateError::io("lock", directory)(error.into());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, directory, flags, Mode::empty()).map_err(failed)?;
    rustix::fs::flock(&file, operation).map_err(failed)?;
    Ok(File::from(file))
}
