//! How much of the host a task may use.

use driver_core::request::options::TaskOptions;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("shm_size", Origin::GoDriver)],
        kind: Kind::Size,
        default: Default::Unset("`64M`"),
        description: "The size of `/dev/shm`, which counts to the task's memory; `0` is no other limit.",
        read: |value, options| value.size().map(|given| options.shm_size = given),
    },
    Entry {
        names: &[("pids_limit", Origin::GoDriver)],
        kind: Kind::Number,
        default: Default::Unset("no limit"),
        description: "How many processes and threads the task can have; what is not above 0 counts as unset.",
        read: |value, options| value.number().map(|given| options.pids_limit = given),
    },
    Entry {
        names: &[("file_limit", Origin::ThisDriver)],
        kind: Kind::Number,
        default: Default::Unset("containerd's"),
        description: "How many files a process can open, as soft and hard limit; what is not above 0 counts as unset.",
        read: |value, options| value.number().map(|given| options.file_limit = given),
    },
    Entry {
        names: &[("cpuset_cpus", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("the client's"),
        description: "The CPUs that the task may run on, such as `0-2,7`; not together with `cores` of its resources.",
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
