//! Start requests and what handles keep.

use std::collections::BTreeMap;

use driver_core::request::task::TaskSpec;
use driver_core::{PluginConfig, TaskState, fuzz};
use nomad_plugin::fuzz::{predecessor, task_spec};
use nomad_proto::cty::{self, Value};
use nomad_proto::pb::driver as pb;
use prost::Message;

use super::configuration;
use crate::target::{Target, workspace};

pub(crate) const REQUEST: Target = Target {
    name: "request",
    run: request,
    seeds: || {
        let plain = cty::encode(&Value::from([("image", "a")])).unwrap();
        let plain = pb::TaskConfig { msgpack_driver_config: plain, ..sample() };
        vec![
            plain.encode_to_vec(),
            sample().encode_to_vec(),
            pb::TaskConfig { user: "1:x".into(), ..sample() }.encode_to_vec(),
        ]
    },
    longest: 4096,
};

pub(crate) const STATE: Target = Target {
    name: "state",
    run: state,
    seeds: || {
        let goldens = workspace().join("crates/driver-core/goldens");
        let read = |name: &str| std::fs::read(goldens.join(name)).unwrap();
        vec![read("state_v1.json"), read("labels.json"), br#"{"a":"b","c":[1]}"#.to_vec()]
    },
    longest: 4096,
};

pub(crate) const GO_STATE: Target = Target {
    name: "go-state",
    run: |bytes| match predecessor(sample(), bytes) {
        Ok(task) => {
            assert!([&task.container].iter().all(|text| text.len() <= bytes.len()));
            // It is shown with a handle's other facts, and taken up at a moment that can be told.
            assert!(task.started_at.duration_since(std::time::UNIX_EPOCH).is_ok());
            true
        }
        Err(told) => {
            assert!(told.len() < 1024);
            false
        }
    },
    seeds: || {
        let time = Value::Bytes([&[1][..], &63_835_596_800_i64.to_be_bytes(), &[0; 4], &[0xff; 2]].concat());
        let state = Value::from([
            ("ContainerName", Value::from("redis-3b7b3c9e")),
            ("StdoutPath", "/x/alloc/logs/.redis.stdout.fifo".into()),
            ("StderrPath", "/x/alloc/logs/.redis.stderr.fifo".into()),
            ("StartedAt", time),
        ]);
        vec![cty::encode(&state).unwrap()]
    },
    longest: 1024,
};

/// A request that is refused says why in few words; one that is a task keeps to its own directories, and is refused or
/// not as the gates say: what strict ones let pass, open ones do as well.
fn request(bytes: &[u8]) -> bool {
    let Ok(task) = pb::TaskConfig::decode(bytes) else { return false };
    let strict = PluginConfig::strict();
    // A job may name a profile where system calls are filtered; that alone is no gate.
    let open = PluginConfig { seccomp: strict.seccomp, ..PluginConfig::default() };
    match task_spec(task) {
        Ok(spec) => {
            directories(&spec);
            let passes = |config| match fuzz::admit(&spec, config) {
                Ok(()) => true,
                Err(refusal) => {
                    let told = refusal.to_string();
                    assert!(told.len() < 4096 + 8 * bytes.len(), "{} bytes", told.len());
                    false
                }
            };
            assert!(!passes(&strict) || passes(&open), "{spec:?}");
            passes(&open)
        }
        Err(told) => {
            assert!(told.len() < 1024 + 8 * bytes.len(), "{} bytes", told.len());
            false
        }
    }
}

fn directories(spec: &TaskSpec) {
    let dirs = &spec.dirs;
    assert!(dirs.alloc_root.is_absolute());
    for dir in [&dirs.shared, &dirs.local, &dirs.secrets] {
        let inside = dir.strip_prefix(&dirs.alloc_root).unwrap();
        let plain = inside.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        assert!(plain && inside.components().count() <= 2, "{dir:?}");
    }
}

/// A state that is read is the same when it is written; so are labels.
fn state(bytes: &[u8]) -> bool {
    let labels = fuzz::labels(bytes);
    if !labels.is_empty() {
        let quoted = |text: &String| cty::Value::from(text.as_str());
        assert!(
            labels.iter().all(|(name, value)| cty::encode(&vec![quoted(name), quoted(value)].into()).is_ok())
        );
        assert!(labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= bytes.len());
    }
    match TaskState::decode(bytes) {
        Ok(state) => {
            let written = state.encode().unwrap();
            assert_eq!(TaskState::decode(&written).unwrap(), state);
            true
        }
        Err(_) => false,
    }
}

fn sample() -> pb::TaskConfig {
    pb::TaskConfig {
        id: "3b7b3c9e/web/1".into(),
        name: "web".into(),
        alloc_id: "3b7b3c9e".into(),
        alloc_dir: "/var/nomad/alloc/3b7b3c9e".into(),
        user: "nobody:nogroup".into(),
        stdout_path: "/var/nomad/alloc/3b7b3c9e/alloc/logs/.web.stdout.fifo".into(),
        env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        msgpack_driver_config: cty::encode(&configuration::options()).unwrap(),
        mounts: vec![pb::Mount {
            host_path: "/srv".into(),
            task_path: "/data".into(),
            propagation_mode: "private".into(),
            ..Default::default()
        }],
        devices: vec![pb::Device {
            host_path: "/dev/fuse".into(),
            cgroup_permissions: "rwm".into(),
            ..Default::default()
        }],
        resources: Some(pb::Resources {
            linux_resources: Some(pb::LinuxResources { cpuset_cpus: "0-1".into(), ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    }
}
