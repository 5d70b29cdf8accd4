//! The directory of one run: the ids of its tasks, and where they are.

use crate::state::error::StateError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The only format so far.
const VERSION: u32 = 1;

const PLACE: &str = "place.json";
const TASKS: &str = "tasks";

/// A run's directory, locked by this process: its own, or one that was found dead.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

/// The contents of `place.json`.
#[derive(Serialize, Deserialize)]
struct Place {
    version: u32,
    /// Options of the plugin.
    options: BTreeMap<String, String>,
}

impl RunDir {
    /// Fills the directory of a run that begins.
    pub(super) fn make(
        path: PathBuf,
        lock: File,
        options: &BTreeMap<String, String>,
    ) -> Result<Self, StateError> {
        let (file, tasks) = (path.join(PLACE), path.join(TASKS));
        let place = Place { version: VERSION, options: options.clone() };
        let text = serde_json::to_vec_pretty(&place).map_err(std::io::Error::from);
        text.and_then(|text| std::fs::write(&file, text)).map_err(StateError::io("write", &file))?;
        std::fs::create_dir(&tasks).map_err(StateError::io("make", &tasks))?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn found(path: PathBuf, lock: File) -> Self {
        Self { path, _lock: lock }
    }

    /// Where it is. The sockets of the run's plugins belong into it, by which they are found again.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id of the run's allocation.
    pub fn alloc_id(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Writes down a task that is about to be started, also for the case of a power failure. It blocks for as
    /// long as the disk takes.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn add_task(&self, id: &str) -> Result<(), StateError> {
        let path = self.task(id);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(id.as_bytes())?;
            file.sync_all()
        });
        written.map_err(StateError::io("write", &path))
    }

    /// Forgets a task that was destroyed.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn remove_task(&self, id: &str) -> Result<(), StateError> {
        let path = self.task(id);
        std::fs::remove_file(&path).map_err(StateError::io("remove", &path))
    }

    /// The last part of an id is random.
    fn task(&self, id: &str) -> PathBuf {
        self.path.join(TASKS).join(id.rsplit('/').next().unwrap_or(id))
    }

    /// The ids of tasks that were started, or about to be, and not destroyed.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn tasks(&self) -> Result<Vec<String>, StateError> {
        let directory = self.path.join(TASKS);
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(StateError::io("read", &directory))?,
        };
        let read = |path: PathBuf| std::fs::read_to_string(&path).map_err(StateError::io("read", &path));
        let ids = entries.map(|entry| read(entry.map_err(StateError::io("read", &directory))?.path()));
        ids.collect()
    }

    /// The plugin options by which the tasks are found; none where the run was killed before it wrote them.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn place(&self) -> Result<BTreeMap<String, String>, StateError> {
        let path = self.path.join(PLACE);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            text => text.map_err(StateError::io("read", &path))?,
        };
        match serde_json::from_slice(&text) {
            Ok(Place { version: VERSION, options }) => Ok(options),
            Ok(Place { version, .. }) => Err(StateError::Version { path, version }),
            Err(source) => Err(StateError::Form { path, source }),
        }
    }

    /// Removes it: nothing is left of the run.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn close(&self) -> Result<(), StateError> {
        std::fs::remove_dir_all(&self.path).map_err(StateError::io("remove", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::StateDir;
    use expect_test::expect;
    use std::os::unix::fs::PermissionsExt;

    fn begun(base: &Path) -> RunDir {
        let place = BTreeMap::from([("containerd_addr".to_owned(), "/run/c.sock".to_owned())]);
        StateDir::new(base).begin("a1", "n1", &place).unwrap()
    }

    #[test]
    fn the_place_keeps_its_form() {
        let base = tempfile::tempdir().unwrap();
        let run = begun(base.path());
        expect![[r#"
            {
              "version": 1,
              "options": {
                "containerd_addr": "/run/c.sock"
              }
            }"#]]
        .assert_eq(&std::fs::read_to_string(run.path().join(PLACE)).unwrap());
        assert_eq!(run.place().unwrap()["containerd_addr"], "/run/c.sock");
    }

    #[test]
    fn a_task_is_kept_until_it_is_removed() {
        let base = tempfile::tempdir().unwrap();
        let run = begun(base.path());
        run.add_task("a1/web/01").unwrap();
        run.add_task("a1/db/02").unwrap();
        run.remove_task("a1/web/01").unwrap();
        assert_eq!(run.tasks().unwrap(), ["a1/db/02"]);
        assert_eq!(run.alloc_id(), "a1");
    }

    #[test]
    fn a_closed_run_leaves_nothing_and_others_cannot_look_into_one() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().join("state");
        let run = begun(&base);
        assert_eq!(std::fs::metadata(&base).unwrap().permissions().mode() & 0o777, 0o700);
        let path = run.path().to_owned();
        run.close().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_place_of_a_later_version_or_that_is_damaged_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let run = begun(base.path());
        std::fs::write(run.path().join(PLACE), r#"{"version":2,"options":{}}"#).unwrap();
        assert!(matches!(run.place(), Err(StateError::Version { version: 2, .. })));
        std::fs::write(run.path().join(PLACE), "{").unwrap();
        assert!(matches!(run.place(), Err(StateError::Form { .. })));
    }
}
