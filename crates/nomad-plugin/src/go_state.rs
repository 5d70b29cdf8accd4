//! The handle of the Go driver of the same name: `driver_state` as its codec wrote it (handle version 1).

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driver_core::GoDriverTask;
use driver_core::request::ids::TaskId;
use driver_core::request::task::Identity;
use nomad_proto::cty::{self, Map, Value};
use nomad_proto::pb::driver as pb;

/// Version of the Go driver's handles.
pub(crate) const VERSION: i32 = 1;

/// A state that is not the Go driver's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GoStateError {
    #[error("the state of a handle of version 1 is not msgpack")]
    Codec(#[source] cty::DecodeError),
    #[error("the state of a handle of version 1 has no {0}")]
    Missing(&'static str),
}

/// Reads the state; the rest is in the handle's task configuration.
pub(crate) fn predecessor(
    id: TaskId,
    config: pb::TaskConfig,
    driver_state: &[u8],
) -> Result<GoDriverTask, GoStateError> {
    let value = cty::decode(driver_state).map_err(GoStateError::Codec)?;
    let state = value.as_map().ok_or(GoStateError::Missing("fields"))?;
    Ok(GoDriverTask {
        id,
        container: text(state, "ContainerName")?,
        started_at: state.get("StartedAt").and_then(go_time).unwrap_or(UNIX_EPOCH),
        stdout: text(state, "StdoutPath")?.into(),
        stderr: text(state, "StderrPath")?.into(),
        alloc_root: PathBuf::from(config.alloc_dir),
        identity: Identity {
            alloc_id: config.alloc_id,
            task: config.name,
            group: config.task_group_name,
            job_id: config.job_id,
            job_name: config.job_name,
            namespace: config.namespace,
            node_id: config.node_id,
            node_name: config.node_name,
        },
    })
}

fn text(state: &Map, field: &'static str) -> Result<String, GoStateError> {
    state.get(field).and_then(Value::as_str).map(str::to_owned).ok_or(GoStateError::Missing(field))
}

/// Seconds from the year 1 to the Unix epoch, in Go's calendar.
const EPOCH: i64 = 62_135_596_800;

/// Go's `time.Time.MarshalBinary`: a version byte, seconds since the year 1 and nanoseconds in big endian, and the
/// zone's offset in minutes, which does not change the moment.
fn go_time(value: &Value) -> Option<SystemTime> {
    // The codec writes bytes in the family of strings, so they may happen to be a text.
    let bytes = match value {
        Value::Bytes(bytes) => bytes.as_slice(),
        Value::String(text) => text.as_bytes(),
        _ => return None,
    };
    let (seconds, nanoseconds) = (bytes.get(1..9)?, bytes.get(9..13)?);
    let seconds = i64::from_be_bytes(seconds.try_into().ok()?) - EPOCH;
    let nanoseconds = u32::from_be_bytes(nanoseconds.try_into().ok()?);
    UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanoseconds.min(999_999_999)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by the codec of the Go plugins for a task that was started at 2023-11-14 22:13:20.5 UTC.
    fn recorded() -> Vec<u8> {
        let mut bytes = vec![0x84];
        let mut text = |key: &str, value: &str| {
            for part in [key, value] {
                bytes.push(0xa0 | u8::try_from(part.len().min(31)).unwrap());
                if part.len() > 31 {
                    bytes.pop();
                    bytes.extend([0xd9, u8::try_from(part.len()).unwrap()]);
                }
                bytes.extend(part.as_bytes());
            }
        };
        text("ContainerName", "redis-3b7b3c9e-2f0e-4c7c-9d55-0a4d7f3f2a11");
        text("StdoutPath", "/var/nomad/alloc/x/alloc/logs/.redis.stdout.fifo");
        text("StderrPath", "/var/nomad/alloc/x/alloc/logs/.redis.stderr.fifo");
        bytes.extend([0xa9]);
        bytes.extend(b"StartedAt");
        bytes.extend([0xa0 | 15, 1]);
        bytes.extend((EPOCH + 1_700_000_000).to_be_bytes());
        bytes.extend(500_000_000_u32.to_be_bytes());
        bytes.extend([0xff, 0xff]);
        bytes
    }

    #[test]
    fn the_recorded_state_of_a_go_task_is_read() {
        let config = pb::TaskConfig {
            name: "redis".into(),
            alloc_dir: "/var/nomad/alloc/x".into(),
            ..Default::default()
        };
        let task = predecessor(TaskId::new("a/redis/1"), config, &recorded()).unwrap();
        assert_eq!(task.container, "redis-3b7b3c9e-2f0e-4c7c-9d55-0a4d7f3f2a11");
        assert_eq!(task.stdout.to_str(), Some("/var/nomad/alloc/x/alloc/logs/.redis.stdout.fifo"));
        assert_eq!(task.started_at, UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
        assert_eq!(task.identity.task, "redis");
    }

    #[test]
    fn a_time_that_happens_to_be_a_text_is_a_time() {
        let time = "\u{1}\0\0\0\u{e}\u{79}\0\0\0\0\0\0\0\0\0";
        assert_eq!(go_time(&time.into()), Some(UNIX_EPOCH + Duration::from_secs(23988480)));
    }

    #[test]
    fn a_state_without_a_container_is_refused() {
        let refused = predecessor(TaskId::new("a"), pb::TaskConfig::default(), &[0x80]).unwrap_err();
        assert_eq!(refused.to_string(), "the state of a handle of version 1 has no ContainerName");
    }
}
