//! How much of the host a task may use.

use driver_core::request::options::TaskOptions;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("shm_size", Origin::GoDriver)],
        kind: Kind::Size,
        default: Default::Unset("`64M`"),
        description: "The size of `/dev/shm`, which counts toward the task's memory limit. `0` means no separate limit.",
        read: |value, options| value.size().map(|given| options.shm_size = given),
    },
    Entry {
        names: &[("pids_limit", Origin::GoDriver)],
        kind: Kind::Number,
        default: Default::Unset("no limit"),
        description: "Maximum number of processes and threads. `0` and negative numbers count as unset.",
        read: |value, options| value.number().map(|given| options.pids_limit = given),
    },
    Entry {
        names: &[("file_limit", Origin::ThisDriver)],
        kind: Kind::Number,
        default: Default::Unset("containerd's"),
        description: "Maximum number of open files per process, as soft and hard limit. `0` and negative numbers count as unset.",
        read: |value, options| value.number().map(|given| options.file_limit = given),
    },
    Entry {
        names: &[("cpuset_cpus", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("the client's"),
        description: "The CPUs that the task may run on, such as `0-2,7`. Cannot be combined with `cores` in `resources`.",
        read: |value, options| value.text().map(|given| options.cpuset_cpus = given),
    },
    Entry {
        names: &[("cpuset_mems", Origin::ThisDriver)],
        kind: Kind::Text,
        default: Default::Unset("all"),
        description: "The memory nodes that the task may use, such as `0`.",
        read: |value, options| value.text().map(|given| options.cpuset_mems = given),
    },
];
