//! The driver's own files: one directory a task beneath `state_dir`, never in a directory that a task can write.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use linux_host::staged;

use crate::error::DriverError;
use crate::node::labels::Labels;
use crate::request::ids::ContainerId;

/// How the ids of execs begin; nothing else in a task's directory does.
pub(crate) const EXEC: &str = "exec-";

/// The file that tells whose a task's directory is.
const LABELS: &str = "labels.json";

/// A task's directory, as it is found.
#[derive(Debug)]
pub(crate) struct TaskFiles {
    pub(crate) id: ContainerId,
    /// Those of the task that it was made for; none where the start was cut before it could say.
    pub(crate) labels: Labels,
    pub(crate) made_at: SystemTime,
    /// Whether anything is staged in it.
    pub(crate) staged: bool,
}

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

    /// The ids of the execs that have a directory.
    pub(crate) fn execs(&self, id: &ContainerId) -> Result<Vec<String>, DriverError> {
        let dir = self.task(id);
        let failed = || DriverError::file("can not read", &dir);
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed())?,
        };
        let names =
            entries.map(|entry| Ok(entry.map_err(failed())?.file_name().to_string_lossy().into_owned()));
        let names: Result<Vec<String>, DriverError> = names.collect();
        Ok(names?.into_iter().filter(|name| name.starts_with(EXEC)).collect())
    }

    /// Makes a directory for a task (mode 0700) that says whose it is; what an earlier start left in it is removed.
    pub(crate) fn prepare_task(&self, id: &ContainerId, labels: &Labels) -> Result<PathBuf, DriverError> {
        self.private_root()?;
        self.remove_task(id)?;
        let (dir, file) = (self.task(id), self.task(id).join(LABELS));
        make(&dir)?;
        let text = serde_json::to_vec(labels).map_err(io::Error::from);
        text.and_then(|text| fs::write(&file, text)).map_err(DriverError::file("can not write", file))?;
        Ok(dir)
    }

    /// The directories of all tasks.
    pub(crate) fn tasks(&self) -> Result<Vec<TaskFiles>, DriverError> {
        let root = self.root.join("tasks");
        let entries = match fs::read_dir(&root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(DriverError::file("can not read", &root))?,
        };
        Ok(entries.filter_map(|entry| self.found(&entry.ok()?)).collect())
    }

    /// One that is removed meanwhile is none, and of one that can not be read nothing is known.
    fn found(&self, entry: &fs::DirEntry) -> Option<TaskFiles> {
        let id = ContainerId::existing(entry.file_name().to_str()?);
        let labels = match fs::read(self.task(&id).join(LABELS)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return None,
            labels => labels.unwrap_or_default(),
        };
        Some(TaskFiles {
            labels: read_labels(&labels),
            made_at: entry.metadata().and_then(|meta| meta.modified()).ok()?,
            staged: self.staging(&id).exists(),
            id,
        })
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
        self.unstage(id)?;
        remove(&self.task(id))
    }

    /// Takes away what is staged for a task; nothing is success.
    pub(crate) fn unstage(&self, id: &ContainerId) -> Result<(), DriverError> {
        unstage(&self.staging(id))
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

/// Takes the mounts in `directory` away, and the directory; what is not there is success.
pub(crate) fn unstage(directory: &Path) -> Result<(), DriverError> {
    for name in names(directory)? {
        staged::unstage(directory, &name)
            .map_err(|error| DriverError::host("a staged mount can not be removed")(error.into()))?;
    }
    match std::fs::remove_dir(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DriverError::file("can not remove", directory)(error))
        }
        _ => Ok(()),
    }
}

/// What is staged in the directory; only this module makes names there.
fn names(directory: &Path) -> Result<Vec<String>, DriverError> {
    let failed = || DriverError::file("can not read", directory);
    match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed()(error)),
        Ok(entries) => entries
            .map(|entry| Ok(entry.map_err(failed())?.file_name().to_string_lossy().into_owned()))
            .collect(),
    }
}

/// The labels in the file. What a later version of the driver may have put beside them is passed over: a directory that
/// says whose it is must not be taken for one that does not.
pub(crate) fn read_labels(text: &[u8]) -> Labels {
    let entries: BTreeMap<String, serde_json::Value> = serde_json::from_slice(text).unwrap_or_default();
    let label = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    entries.into_iter().filter_map(label).collect()
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
    use crate::node::labels;

    #[test]
    fn a_task_gets_an_empty_private_directory_each_time() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::new(&base.path().join("state"));
        let id = ContainerId::existing("web-1");
        let labels = Labels::from([("whose".to_owned(), "mine".to_owned())]);
        let dir = state.prepare_task(&id, &labels).unwrap();
        fs::write(dir.join("hosts"), "x").unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!state.prepare_task(&id, &labels).unwrap().join("hosts").exists());
        fs::write(dir.join("hosts"), "x").unwrap();
        state.prepare_exec(&id, "exec-1-2-3").unwrap();
        assert_eq!(state.execs(&id).unwrap(), ["exec-1-2-3"]);
        state.remove_task(&id).unwrap();
        state.remove_task(&id).unwrap();
        assert!(!dir.exists());
        assert!(state.execs(&id).unwrap().is_empty());
    }

    #[test]
    fn directories_are_found_with_their_labels_and_without_where_a_start_was_cut() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::new(base.path());
        assert!(state.tasks().unwrap().is_empty());
        let labels = Labels::from([("whose".to_owned(), "mine".to_owned())]);
        state.prepare_task(&ContainerId::existing("b-whole"), &labels).unwrap();
        fs::create_dir_all(state.staging(&ContainerId::existing("a-cut"))).unwrap();
        let mut found = state.tasks().unwrap();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        let told: Vec<_> =
            found.iter().map(|files| (files.id.as_str(), files.labels.len(), files.staged)).collect();
        assert_eq!(told, [("a-cut", 0, true), ("b-whole", 1, false)]);
        assert_eq!(found[1].labels, labels);
    }

    #[test]
    fn the_golden_file_of_the_labels_is_what_is_written_and_is_read() {
        let base = tempfile::tempdir().unwrap();
        let (state, id) = (StateDir::new(base.path()), ContainerId::existing("web-1"));
        let labels = labels::of_task(&labels::tests::placed());
        let dir = state.prepare_task(&id, &labels).unwrap();
        let written = fs::read_to_string(dir.join("labels.json")).unwrap();
        expect_test::expect_file!["../../goldens/labels.json"].assert_eq(&(written + "\n"));
        fs::write(dir.join("labels.json"), include_bytes!("../../goldens/labels.json")).unwrap();
        assert_eq!(state.tasks().unwrap()[0].labels, labels);
    }

    #[test]
    fn what_a_later_version_writes_besides_is_passed_over() {
        let base = tempfile::tempdir().unwrap();
        let (state, id) = (StateDir::new(base.path()), ContainerId::existing("web-1"));
        let dir = state.prepare_task(&id, &Labels::new()).unwrap();
        let later =
            br#"{"nomad.alloc_id":"a","invented_later":{"nested":[1]},"invented.label":"x","number":7}"#;
        fs::write(dir.join("labels.json"), later).unwrap();
        fs::create_dir(dir.join("invented-later")).unwrap();
        let entry = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let known = [("nomad.alloc_id", "a"), ("invented.label", "x")].map(entry);
        assert_eq!(state.tasks().unwrap()[0].labels, Labels::from(known));
        assert!(state.execs(&id).unwrap().is_empty());
        state.remove_task(&id).unwrap();
        assert!(!dir.exists());
    }

    #[test]
    fn everything_of_a_task_has_its_place() {
        let (state, id) = (StateDir::new(Path::new("/state")), ContainerId::existing("web-1"));
        let places = [state.task(&id).join(LABELS), state.staging(&id), state.exec(&id, "exec-1")];
        expect_test::expect![[r#"
            /state/tasks/web-1/labels.json
            /state/tasks/web-1/staged
            /state/tasks/web-1/exec-1
        "#]]
        .assert_eq(&places.map(|place| format!("{}\n", place.display())).concat());
    }

    #[test]
    fn a_root_that_others_can_write_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error =
            StateDir::new(base.path()).prepare_task(&ContainerId::existing("a"), &Labels::new()).unwrap_err();
        assert!(crate::error::chain(&error).contains("nobody else can write"), "{error}");
    }
}
