//! What separates a task from the host.

use driver_core::request::options::TaskOptions;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("privileged", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "All capabilities of the host's bounding set, all devices, nothing masked or read-only, no seccomp filter.",
        read: |value, options| value.flag().map(|given| options.privileged = given),
    },
    Entry {
        names: &[("cap_add", Origin::GoDriver)],
        kind: Kind::Texts,
        default: Default::Unset("none"),
        description: "Capabilities beside the usual 14, in any case, with or without `CAP_`; `all` for every one of the host's.",
        read: |value, options| value.texts().map(|given| options.cap_add = given),
    },
    Entry {
        names: &[("cap_drop", Origin::GoDriver)],
        kind: Kind::Texts,
        default: Default::Unset("none"),
        description: "Capabilities to be without; with `all`, those of `cap_add` alone are left.",
        read: |value, options| value.texts().map(|given| options.cap_drop = given),
    },
    Entry {
        names: &[("pid_mode", Origin::GoDriver)],
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        description: "`host` shares the host's processes; `private` does not.",
        read: |value, options| value.text().map(|given| options.pid_mode = given),
    },
    Entry {
        names: &[("ipc_mode", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        description: "`host` shares the host's System V objects, message queues and `/dev/shm`; `private` and `shareable` do not.",
        read: |value, options| value.text().map(|given| options.ipc_mode = given),
    },
    Entry {
        names: &[("uts_mode", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        description: "`host` shares the host's name; `private` does not.",
        read: |value, options| value.text().map(|given| options.uts_mode = given),
    },
    Entry {
        names: &[("userns_mode", Origin::Docker), ("userns", Origin::Podman)],
        kind: Kind::Text,
        default: Default::Unset("the host's user namespace"),
        description: "`host` is accepted, where every task is today; any other mode is refused.",
        read: |value, options| value.text().map(|given| options.userns_mode = given),
    },
    Entry {
        names: &[("readonly_rootfs", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "The image's files can not be written; mounts can.",
        read: |value, options| value.flag().map(|given| options.readonly_rootfs = given),
    },
    Entry {
        names: &[("sysctl", Origin::GoDriver)],
        kind: Kind::Map,
        default: Default::Unset("none"),
        description: "Kernel parameters of the task's own namespaces, such as `net.core.somaxconn`; those of the host are refused.",
        read: |value, options| value.map().map(|given| options.sysctl = given),
    },
];
