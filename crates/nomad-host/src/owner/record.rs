//! The contents of an owner's record, version 1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use linux_host::process::{self, PidFd, ProcessError};
use nomad_proto::pb::driver::{TaskConfig, TaskHandle};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The only version so far.
const VERSION: u32 = 1;

/// A record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not in a record's form.
    #[error("not an owner's record")]
    Form(#[from] serde_json::Error),
    /// A later version made it.
    #[error("made by a later version of this program (format {0})")]
    Version(u32),
    /// Bytes inside it are damaged.
    #[error("its {0} is damaged")]
    Bytes(&'static str),
}

/// What an owner started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// The owner's process id, for people.
    pub pid: u32,
    /// The plugin that it started.
    pub plugin: Option<PluginRecord>,
    /// The encoded plugin configuration, in base64.
    plugin_config: String,
    /// The allocation's root directory.
    pub alloc_dir: Option<PathBuf>,
    /// Cgroups that were made, inner ones last.
    pub cgroups: Vec<PathBuf>,
    /// The tasks that were started and not yet destroyed.
    pub tasks: Vec<TaskRecord>,
}

/// A plugin's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRecord {
    /// Its process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// The boot that the start time counts from.
    pub boot_id: String,
    /// Its socket.
    pub socket: PathBuf,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The task's id.
    pub id: String,
    /// The encoded handle, in base64, without environment and driver configuration.
    handle: String,
    /// While the start is not acknowledged: the encoded task configuration, in base64, with which
    /// the start can be repeated and so be waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<String>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            version: VERSION,
            pid: std::process::id(),
            plugin: None,
            plugin_config: String::new(),
            alloc_dir: None,
            cgroups: Vec::new(),
            tasks: Vec::new(),
        }
    }
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn read(json: &[u8]) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_slice(json)?;
        if record.version > VERSION { Err(RecordError::Version(record.version)) } else { Ok(record) }
    }

    /// The record as JSON.
    ///
    /// # Errors
    /// [`RecordError::Form`], which only a path that is not text can cause.
    pub fn write(&self) -> Result<Vec<u8>, RecordError> {
        Ok(serde_json::to_vec_pretty(self)?)
    }

    /// Keeps the encoded plugin configuration.
    pub fn set_plugin_config(&mut self, encoded: &[u8]) {
        self.plugin_config = STANDARD.encode(encoded);
    }

    /// The encoded plugin configuration.
    ///
    /// # Errors
    /// [`RecordError::Bytes`].
    pub fn plugin_config(&self) -> Result<Vec<u8>, RecordError> {
        STANDARD.decode(&self.plugin_config).map_err(|_| RecordError::Bytes("plugin configuration"))
    }

    /// Keeps a task that is about to be started, with its whole configuration.
    pub fn set_starting(&mut self, config: &TaskConfig) {
        let handle = TaskHandle { version: 1, config: Some(config.clone()), ..TaskHandle::default() };
        let start = Some(STANDARD.encode(config.encode_to_vec()));
        self.replace(TaskRecord { start, ..TaskRecord::new(&handle) });
    }

    /// Keeps the handle of a task that was started; the secrets of its start are forgotten.
    pub fn set_task(&mut self, handle: &TaskHandle) {
        self.replace(TaskRecord::new(handle));
    }

    fn replace(&mut self, task: TaskRecord) {
        self.remove_task(&task.id);
        self.tasks.push(task);
    }

    /// Forgets a task that was destroyed.
    pub fn remove_task(&mut self, task_id: &str) {
        self.tasks.retain(|task| task.id != task_id);
    }
}

impl TaskRecord {
    fn new(handle: &TaskHandle) -> Self {
        let config = handle.config.clone().unwrap_or_default();
        let id = config.id.clone();
        let config = TaskConfig { msgpack_driver_config: Vec::new(), env: Default::default(), ..config };
        let handle = TaskHandle { config: Some(config), ..handle.clone() };
        Self { id, handle: STANDARD.encode(handle.encode_to_vec()), start: None }
    }

    /// The configuration of a start that was not acknowledged.
    ///
    /// # Errors
    /// [`RecordError::Bytes`].
    pub fn start(&self) -> Result<Option<TaskConfig>, RecordError> {
        let damaged = || RecordError::Bytes("task configuration");
        let Some(start) = &self.start else { return Ok(None) };
        let bytes = STANDARD.decode(start).map_err(|_| damaged())?;
        TaskConfig::decode(bytes.as_slice()).map(Some).map_err(|_| damaged())
    }

    /// The handle, as a client has it after a restart.
    ///
    /// # Errors
    /// [`RecordError::Bytes`].
    pub fn handle(&self) -> Result<TaskHandle, RecordError> {
        let damaged = || RecordError::Bytes("task handle");
        let bytes = STANDARD.decode(&self.handle).map_err(|_| damaged())?;
        TaskHandle::decode(bytes.as_slice()).map_err(|_| damaged())
    }
}

impl PluginRecord {
    /// A process that runs.
    ///
    /// # Errors
    /// It does not run, or /proc cannot be read.
    pub fn new(pid: u32, socket: PathBuf) -> Result<Self, ProcessError> {
        let (start_time, boot_id) = (process::start_time(pid)?, process::boot_id()?);
        Ok(Self { pid, start_time, boot_id, socket })
    }

    /// The very process, held by a descriptor, if it still runs.
    pub fn open(&self) -> Option<PidFd> {
        let held = PidFd::open(self.pid).ok()?;
        let same = process::boot_id().ok()? == self.boot_id
            && process::start_time(self.pid).ok()? == self.start_time;
        same.then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn handle(id: &str) -> TaskHandle {
        let config = TaskConfig {
            id: id.into(),
            name: "web".into(),
            msgpack_driver_config: vec![1, 2, 3],
            env: [("TOKEN".to_owned(), "secret".to_owned())].into(),
            ..TaskConfig::default()
        };
        TaskHandle { version: 1, config: Some(config), state: 1, driver_state: vec![7] }
    }

    #[test]
    fn a_record_keeps_its_form() {
        let mut record = Record { pid: 7, ..Record::default() };
        record.set_plugin_config(b"config");
        record.alloc_dir = Some("/allocs/a".into());
        record.plugin =
            Some(PluginRecord { pid: 8, start_time: 9, boot_id: "b".into(), socket: "/tmp/s".into() });
        record.set_task(&handle("a/web/1"));
        let json = String::from_utf8(record.write().unwrap()).unwrap();
        expect![[r#"
            {
              "version": 1,
              "pid": 7,
              "plugin": {
                "pid": 8,
                "start_time": 9,
                "boot_id": "b",
                "socket": "/tmp/s"
              },
              "plugin_config": "Y29uZmln",
              "alloc_dir": "/allocs/a",
              "cgroups": [],
              "tasks": [
                {
                  "id": "a/web/1",
                  "handle": "CAESDgoHYS93ZWIvMRIDd2ViGAEiAQc="
                }
              ]
            }"#]]
        .assert_eq(&json);
        assert_eq!(Record::read(json.as_bytes()).unwrap(), record);
    }

    #[test]
    fn a_handle_is_kept_without_secrets() {
        let mut record = Record::default();
        record.set_task(&handle("a/web/1"));
        let kept = record.tasks[0].handle().unwrap();
        let config = kept.config.unwrap();
        assert!(config.env.is_empty() && config.msgpack_driver_config.is_empty());
        assert_eq!((config.id.as_str(), kept.driver_state.as_slice()), ("a/web/1", [7].as_slice()));
    }

    #[test]
    fn the_whole_configuration_is_kept_until_the_start_is_acknowledged() {
        let mut record = Record::default();
        let config = handle("a/web/1").config.unwrap();
        record.set_starting(&config);
        assert_eq!(record.tasks[0].start().unwrap(), Some(config));
        record.set_task(&handle("a/web/1"));
        assert_eq!(record.tasks[0].start().unwrap(), None);
    }

    #[test]
    fn a_task_is_kept_once_until_it_is_removed() {
        let mut record = Record::default();
        record.set_task(&handle("a/web/1"));
        record.set_task(&handle("a/web/1"));
        record.set_task(&handle("a/db/1"));
        record.remove_task("a/web/1");
        assert_eq!(record.tasks.len(), 1);
    }

    #[test]
    fn a_record_of_a_later_version_is_refused() {
        let json =
            serde_json::to_string(&Record::default()).unwrap().replace("\"version\":1", "\"version\":2");
        assert!(matches!(Record::read(json.as_bytes()), Err(RecordError::Version(2))));
    }

    #[test]
    fn a_process_is_told_from_a_later_one_with_its_id() {
        let mut plugin = PluginRecord::new(std::process::id(), "/tmp/s".into()).unwrap();
        assert!(plugin.open().is_some());
        plugin.start_time += 1;
        assert!(plugin.open().is_none());
    }
}
