//! What tasks have left: in the daemon and in the driver's own directory, brought together by the container's id.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use crate::error::DriverError;
use crate::node::context::Context;
use crate::node::labels::{self, Labels};
use crate::node::state_dir::TaskFiles;
use crate::ports::ContainerRecord;
use crate::request::ids::ContainerId;

/// All that is there under one container's id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leftover {
    pub(crate) id: ContainerId,
    /// None for a directory alone whose making or removal was cut: it does not say whose it is.
    pub(crate) labels: Labels,
    /// When the youngest part of it was made.
    pub(crate) made_at: SystemTime,
    /// Whether objects are staged for a start.
    pub(crate) staged: bool,
}

/// The traces that carry all the labels, and the directories that carry none.
pub(crate) async fn find(context: &Context, wanted: &Labels) -> Result<Vec<Leftover>, DriverError> {
    let files = context.files.clone();
    let directories = tokio::task::spawn_blocking(move || files.tasks()).await;
    let directories = directories.map_err(|_| DriverError::Interrupted("the look for files of tasks"))??;
    let records = context.ports.find(wanted).await?;
    Ok(merge(records, directories, wanted))
}

/// The labels of a container count for its directory, too.
fn merge(records: Vec<ContainerRecord>, directories: Vec<TaskFiles>, wanted: &Labels) -> Vec<Leftover> {
    let of_record = |ContainerRecord { id, labels, created_at }| {
        (id.clone(), Leftover { id, labels, made_at: created_at, staged: false })
    };
    let mut traces: BTreeMap<_, _> = records.into_iter().map(of_record).collect();
    for TaskFiles { id, labels, made_at, staged } in directories {
        match traces.get_mut(&id) {
            Some(trace) => {
                trace.made_at = trace.made_at.max(made_at);
                trace.staged = staged;
            }
            None if labels.is_empty() || labels::include(&labels, wanted) => {
                let trace = Leftover { id: id.clone(), labels, made_at, staged };
                traces.insert(id, trace);
            }
            None => {}
        }
    }
    traces.into_values().collect()
}

impl Leftover {
    /// The value of a label that is there.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// Whether the allocation's directory is gone; unknown without its path.
    pub(crate) fn allocation_is_gone(&self) -> Option<bool> {
        self.label(labels::ALLOC_DIR).map(|dir| is_gone(Path::new(dir)))
    }

    /// Removes it. The caller has the container's turn. The daemon is asked in any case: a destruction that was cut may
    /// have taken the record and left the snapshot.
    pub(crate) async fn remove(&self, context: &Context) -> Result<(), DriverError> {
        context.ports.purge(&self.id).await?;
        self.remove_files(context).await
    }

    /// Removes its files alone.
    pub(crate) async fn remove_files(&self, context: &Context) -> Result<(), DriverError> {
        let id = self.id.clone();
        context.on_files(move |files| files.remove_task(&id)).await
    }
}

/// A directory is gone when the one that it lay in is there without it: a file system that is not mounted yet, or can
/// not be read, says nothing.
fn is_gone(dir: &Path) -> bool {
    let missing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    dir.is_absolute()
        && std::fs::symlink_metadata(dir).is_err_and(missing)
        && dir.parent().is_some_and(Path::is_dir)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn moment(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn ours(task: &str) -> Labels {
        let mut labels = labels::of_driver();
        labels.insert(labels::TASK.to_owned(), task.to_owned());
        labels
    }

    fn files(id: &str, labels: Labels, staged: bool) -> TaskFiles {
        TaskFiles { id: ContainerId::existing(id), labels, made_at: moment(5), staged }
    }

    #[test]
    fn records_and_directories_of_one_id_are_one_trace_and_anothers_directory_is_none() {
        let record =
            ContainerRecord { id: ContainerId::existing("a"), labels: ours("web"), created_at: moment(1) };
        let directories = vec![
            files("a", Labels::new(), true),
            files("b", ours("cut"), false),
            files("c", Labels::new(), true),
            files("d", Labels::from([(labels::OWNER.to_owned(), "other".to_owned())]), true),
        ];
        let found = merge(vec![record], directories, &labels::of_driver());
        let told: Vec<_> =
            found.iter().map(|trace| (trace.id.as_str(), trace.label(labels::TASK), trace.staged)).collect();
        assert_eq!(told, [("a", Some("web"), true), ("b", Some("cut"), false), ("c", None, true)]);
        assert_eq!(found[0].made_at, moment(5));
    }

    #[test]
    fn a_directory_is_only_gone_when_the_one_above_tells_so() {
        let base = tempfile::tempdir().unwrap();
        let alloc = base.path().join("alloc/1");
        assert!(!is_gone(&alloc), "its parent is not mounted");
        std::fs::create_dir_all(&alloc).unwrap();
        assert!(!is_gone(&alloc));
        std::fs::remove_dir(&alloc).unwrap();
        assert!(is_gone(&alloc));
        std::os::unix::fs::symlink("/nowhere", &alloc).unwrap();
        assert!(!is_gone(&alloc), "something is there");
        assert!(!is_gone(Path::new("relative/alloc")));
        assert!(!is_gone(Path::new("/proc/self/status/alloc")), "its parent is no directory");
    }
}
