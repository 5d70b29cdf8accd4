//! What separates a task from the host.

use driver_core::request::options::TaskOptions;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("privileged", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "Gives the task all capabilities of the host's bounding set and all devices, with no masked or read-only paths and no seccomp filter.",
        read: |value, options| value.flag().map(|given| options.privileged = given),
    },
    Entry {
        names: &[("cap_add", Origin::GoDriver)],
        kind: Kind::Texts,
        default: Default::Unset("none"),
        description: "Capabilities to add to the default 14, in upper or lower case, with or without `CAP_`. `all` means all of the host's.",
        read: |value, options| value.texts().map(|given| options.cap_add = given),
    },
    Entry {
        names: &[("cap_drop", Origin::GoDriver)],
        kind: Kind::Texts,
        default: Default::Unset("none"),
        description: "Capabilities to remove. With `all`, only those in `cap_add` remain.",
        read: |value, options| value.texts().map(|given| options.cap_drop = given),
    },
    Entry {
        names: &[("pid_mode", Origin::GoDriver)],
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        description: "`host` shares the host's PID namespace; `private` does not.",
        read: |value, options| value.text().map(|given| options.pid_mode = given),
    },
    Entry {
        names: &[("ipc_mode", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        description: "`host` shares the host's IPC namespace and `/dev/shm`; `private` and `shareable` do not.",
        read: |value, options| value.text().map(|given| options.ipc_mode = given),
    },
    Entry {
        names: &[("uts_mode", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        description: "`host` shares the host's UTS namespace, and so its host name; `private` does not.",
        read: |value, options| value.text().map(|given| options.uts_mode = given),
    },
    Entry {
        names: &[("userns_mode", Origin::Docker), ("userns", Origin::Podman)],
        kind: Kind::Text,
        default: Default::Unset("the host's user namespace"),
        description: "Must be `host`: every task runs in the host's user namespace.",
        read: |value, options| value.text().map(|given| options.userns_mode = given),
    },
    Entry {
        names: &[("readonly_rootfs", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "Makes the image's files read-only. Mounts stay writable.",
        read: |value, options| value.flag().map(|given| options.readonly_rootfs = given),
    },
    Entry {
        names: &[("sysctl", Origin::GoDriver)],
        kind: Kind::Map,
        default: Default::Unset("none"),
        description: "Kernel parameters of the task's own namespaces, such as `net.core.somaxconn`. Parameters that would change the host are refused.",
        read: |value, options| value.map().map(|given| options.sysctl = given),
    },
];
