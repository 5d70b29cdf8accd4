//! The state that Nomad keeps for us in a task's handle: a chain of versions, each with a golden file.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use linux_host::process;
use serde::{Deserialize, Serialize};

use crate::error::DriverError;
use crate::node::context::Context;
use crate::request::ids::{ContainerId, TaskId};
use crate::request::task::Identity;

/// Version of the handle of tasks that this driver starts; version 1 is the Go driver's.
pub const HANDLE_VERSION: i32 = 2;

/// All versions of the state. A reader ignores fields that it does not know, so an older binary of the same major
/// version reads what a newer one wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "v")]
enum Versions {
    #[serde(rename = "1")]
    V1(TaskState),
}

/// What recovery needs of a task; nothing of it comes from the job's configuration again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// Container, snapshot and task in containerd.
    pub container: String,
    /// The containerd namespace that they are in.
    pub namespace: String,
    /// Process id of the first process on the host.
    pub pid: u32,
    /// Its start time in clock ticks since boot; 0 when it could not be read.
    pub pid_started: u64,
    /// The boot of the host in which it was started.
    pub boot_id: String,
    /// When the task was started, in milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// Absolute cgroups path below the mount point of each hierarchy.
    pub cgroup: PathBuf,
    /// On cgroup v1, the client's cpuset directory that further processes join; empty when there is none.
    #[serde(default)]
    pub cpuset_dir: PathBuf,
    /// Kills by the OOM killer that the cgroup had counted before this start.
    #[serde(default)]
    pub oom_kills_before: u64,
    /// The image's STOPSIGNAL, or empty.
    #[serde(default)]
    pub stop_signal: String,
    /// Nomad's allocation id.
    pub alloc_id: String,
    /// The task's name.
    pub task: String,
    /// The node's id.
    #[serde(default)]
    pub node_id: String,
    /// Digest of the image that it runs.
    #[serde(default)]
    pub image_digest: String,
}

impl TaskState {
    /// A task whose first process is there: what the kernel tells of the process is added, and what only its image
    /// and its start can tell is empty.
    pub(crate) fn of_process(
        context: &Context,
        container: &ContainerId,
        identity: &Identity,
        pid: u32,
        started_at: SystemTime,
    ) -> Result<Self, DriverError> {
        let boot_id = process::boot_id().map_err(|error| DriverError::host("the boot id")(error.into()))?;
        Ok(Self {
            container: container.to_string(),
            namespace: context.namespace(),
            pid,
            pid_started: process::start_time(pid).unwrap_or_default(),
            boot_id,
            started_at_ms: millis(started_at),
            cgroup: PathBuf::new(),
            cpuset_dir: PathBuf::new(),
            oom_kills_before: 0,
            stop_signal: String::new(),
            alloc_id: identity.alloc_id.clone(),
            task: identity.task.clone(),
            node_id: identity.node_id.clone(),
            image_digest: String::new(),
        })
    }

    /// The bytes for the handle's `driver_state`.
    ///
    /// # Errors
    /// [`DriverError::State`] when the state can not be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, DriverError> {
        serde_json::to_vec(&Versions::V1(self.clone())).map_err(|error| DriverError::State(error.to_string()))
    }

    /// Reads a handle's `driver_state`.
    ///
    /// # Errors
    /// [`DriverError::State`] for bytes of another driver or of a later major version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DriverError> {
        let Versions::V1(state) =
            serde_json::from_slice(bytes).map_err(|error| DriverError::State(error.to_string()))?;
        Ok(state)
    }

    /// Whether the host has not been started anew since the task was, as far as it can be told.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        process::boot_id().map_or(true, |boot| boot == self.boot_id)
    }

    pub(crate) fn container_id(&self) -> ContainerId {
        ContainerId::existing(self.container.as_str())
    }

    pub(crate) fn started_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.started_at_ms)
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            alloc_id: self.alloc_id.clone(),
            task: self.task.clone(),
            node_id: self.node_id.clone(),
            ..Identity::default()
        }
    }
}

/// A started or recovered task, as its caller keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskHandle {
    /// Nomad's id of the task.
    pub id: TaskId,
    /// What recovery needs.
    pub state: TaskState,
}

/// Milliseconds since the Unix epoch; a clock before it counts as the epoch.
pub(crate) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TaskState {
        TaskState {
            container: "web-3b7b3c9e".into(),
            namespace: "nomad".into(),
            pid: 4711,
            pid_started: 123_456,
            boot_id: "b5c7".into(),
            started_at_ms: 1_700_000_000_123,
            cgroup: "/nomad/3b7b3c9e.web".into(),
            cpuset_dir: "/sys/fs/cgroup/cpuset/nomad/share".into(),
            oom_kills_before: 1,
            stop_signal: "SIGQUIT".into(),
            alloc_id: "3b7b3c9e".into(),
            task: "web".into(),
            node_id: "n1".into(),
            image_digest: "sha256:ab".into(),
        }
    }

    #[test]
    fn the_golden_file_of_version_1_is_what_is_written() {
        let written = String::from_utf8(sample().encode().unwrap()).unwrap();
        expect_test::expect_file!["../../goldens/state_v1.json"].assert_eq(&(written + "\n"));
    }

    #[test]
    fn the_golden_file_of_version_1_is_read() {
        let golden = include_bytes!("../../goldens/state_v1.json");
        assert_eq!(TaskState::decode(golden).unwrap(), sample());
    }

    #[test]
    fn what_the_first_of_the_version_did_not_write_is_unset() {
        let mut value: serde_json::Value = serde_json::from_slice(&sample().encode().unwrap()).unwrap();
        let later = ["cpuset_dir", "oom_kills_before", "stop_signal", "node_id", "image_digest"];
        assert!(later.iter().all(|field| value.as_object_mut().unwrap().remove(*field).is_some()));
        let expected = TaskState {
            cpuset_dir: PathBuf::new(),
            oom_kills_before: 0,
            stop_signal: String::new(),
            node_id: String::new(),
            image_digest: String::new(),
            ..sample()
        };
        assert_eq!(TaskState::decode(value.to_string().as_bytes()).unwrap(), expected);
    }

    #[test]
    fn fields_of_a_newer_binary_are_ignored_and_a_later_version_is_refused() {
        let mut value: serde_json::Value = serde_json::from_slice(&sample().encode().unwrap()).unwrap();
        value["invented_later"] = true.into();
        assert_eq!(TaskState::decode(value.to_string().as_bytes()).unwrap(), sample());
        value["v"] = "2".into();
        assert!(TaskState::decode(value.to_string().as_bytes()).is_err());
    }
}
