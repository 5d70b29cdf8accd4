//! What travels in `Any`: OCI specs as JSON and the options of the runc shims. containerd's type URLs have no
//! `type.googleapis.com/` prefix.

use containerd_client::types::Mount;
use driver_core::ports::{ContainersError, Rootfs, RootfsMount};
use prost::Message;
use prost_types::Any;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Type URL of a whole runtime spec (JSON).
const SPEC: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
/// Type URL of the process of an exec (JSON).
const PROCESS: &str = "types.containerd.io/opencontainers/runtime-spec/1/Process";
/// Type URL of the runc shims' options.
const RUNC_OPTIONS: &str = "containerd.runc.v1.Options";

/// Options of the runc shims (`containerd.runc.v1.Options`); only what this driver sets.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RuncOptions {
    /// Whether cgroups are made through systemd instead of the file system.
    #[prost(bool, tag = "9")]
    pub(crate) systemd_cgroup: bool,
}

impl RuncOptions {
    /// The options as they travel.
    pub(crate) fn to_any(&self) -> Any {
        Any { type_url: RUNC_OPTIONS.to_owned(), value: self.encode_to_vec() }
    }
}

/// A runtime spec as it travels.
pub(crate) fn spec(spec: &impl Serialize) -> Result<Any, ContainersError> {
    json(SPEC, spec)
}

/// An exec's process as it travels.
pub(crate) fn process(process: &impl Serialize) -> Result<Any, ContainersError> {
    json(PROCESS, process)
}

/// A runtime spec that came back.
pub(crate) fn read_spec<T: DeserializeOwned>(any: &Any) -> Result<T, ContainersError> {
    serde_json::from_slice(&any.value)
        .map_err(|error| ContainersError::Failed { operation: "decode the spec", reason: error.to_string() })
}

fn json(type_url: &str, value: &impl Serialize) -> Result<Any, ContainersError> {
    let value = serde_json::to_vec(value).map_err(|error| ContainersError::Failed {
        operation: "encode the spec",
        reason: error.to_string(),
    })?;
    Ok(Any { type_url: type_url.to_owned(), value })
}

/// A mount of a snapshotter.
pub(crate) fn mount_from_wire(mount: Mount) -> RootfsMount {
    RootfsMount { kind: mount.r#type, source: mount.source, options: mount.options }
}

/// The mounts as `Tasks.Create` wants them.
pub(crate) fn mounts_to_wire(rootfs: &Rootfs) -> Vec<Mount> {
    let mount = |mount: &RootfsMount| Mount {
        r#type: mount.kind.clone(),
        source: mount.source.clone(),
        target: String::new(),
        options: mount.options.clone(),
    };
    rootfs.mounts.iter().map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_without_systemd_are_the_empty_message_under_their_name() {
        let any = RuncOptions { systemd_cgroup: false }.to_any();
        assert_eq!(any.type_url, "containerd.runc.v1.Options");
        assert!(any.value.is_empty());
    }

    #[test]
    fn a_process_travels_as_json() {
        let any = process(&serde_json::json!({"cwd": "/"})).unwrap();
        assert_eq!(any.type_url, "types.containerd.io/opencontainers/runtime-spec/1/Process");
        assert_eq!(any.value, br#"{"cwd":"/"}"#);
    }

    #[test]
    fn mounts_go_to_the_task_as_they_came_from_the_snapshotter() {
        let mount = Mount {
            r#type: "overlay".into(),
            source: "overlay".into(),
            target: String::new(),
            options: vec!["lowerdir=/a".into()],
        };
        let rootfs = Rootfs { mounts: vec![mount_from_wire(mount.clone())] };
        assert_eq!(mounts_to_wire(&rootfs), [mount]);
    }
}
