//! The table of a task's options.

use crate::options::{Default, Entry, Kind};

/// All of them.
pub const OPTIONS: &[Entry] = &[
    Entry {
        name: "image",
        kind: Kind::Text,
        default: Default::Required,
        effect: "The image to run, by name with tag or digest; short names mean Docker Hub.",
    },
    Entry {
        name: "image_pull_timeout",
        kind: Kind::Duration,
        default: Default::Unset("the plugin's"),
        effect: "How long the pull of the image may take.",
    },
    Entry {
        name: "command",
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        effect: "Replaces the image's CMD; the image's ENTRYPOINT stays in front of it.",
    },
    Entry {
        name: "args",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        effect: "Arguments after `command`; without `command` they replace the image's CMD.",
    },
    Entry {
        name: "entrypoint",
        kind: Kind::TextOrTexts,
        default: Default::Unset("the image's"),
        effect: "Replaces the image's ENTRYPOINT and drops its CMD; an empty list counts as unset.",
    },
    Entry {
        name: "cwd",
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        effect: "The working directory in the container; it is made when it is missing.",
    },
    Entry {
        name: "host_network",
        kind: Kind::Flag,
        default: Default::Value("false"),
        effect: "Runs the task in the host's network, with the host's resolv.conf and hosts file.",
    },
    Entry {
        name: "hostname",
        kind: Kind::Text,
        default: Default::Unset("the group's, else the container's"),
        effect: "The host name in the container, which its hosts file knows, too.",
    },
    Entry {
        name: "host_dns",
        kind: Kind::Flag,
        default: Default::Value("true"),
        effect: "`false` keeps the image's own resolv.conf; a `dns` block wins over both.",
    },
    Entry {
        name: "extra_hosts",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        effect: "Further lines of the hosts file, as `name:address`; addresses of IPv4 and IPv6.",
    },
    Entry {
        name: "privileged",
        kind: Kind::Flag,
        default: Default::Value("false"),
        effect: "All capabilities of the host's bounding set, all devices, nothing masked or read-only, no seccomp filter.",
    },
    Entry {
        name: "cap_add",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        effect: "Capabilities beside the usual 14, in any case, with or without `CAP_`; `all` for every one of the host's.",
    },
    Entry {
        name: "cap_drop",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        effect: "Capabilities to be without; with `all`, those of `cap_add` alone are left.",
    },
    Entry {
        name: "pid_mode",
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        effect: "`host` shares the host's processes.",
    },
    Entry {
        name: "readonly_rootfs",
        kind: Kind::Flag,
        default: Default::Value("false"),
        effect: "The image's files can not be written; mounts can.",
    },
    Entry {
        name: "sysctl",
        kind: Kind::Map,
        default: Default::Unset("none"),
        effect: "Kernel parameters of the task's own namespaces, such as `net.core.somaxconn`; those of the host are refused.",
    },
    Entry {
        name: "shm_size",
        kind: Kind::Size,
        default: Default::Unset("`64M`"),
        effect: "The size of `/dev/shm`.",
    },
    Entry {
        name: "pids_limit",
        kind: Kind::Number,
        default: Default::Unset("no limit"),
        effect: "How many processes and threads the task can have.",
    },
    Entry {
        name: "file_limit",
        kind: Kind::Number,
        default: Default::Unset("containerd's"),
        effect: "How many files a process can open, as soft and hard limit.",
    },
    Entry {
        name: "cpuset_cpus",
        kind: Kind::Text,
        default: Default::Unset("the client's"),
        effect: "The CPUs that the task may run on, such as `0-2,7`; not together with `cores` of its resources.",
    },
    Entry {
        name: "cpuset_mems",
        kind: Kind::Text,
        default: Default::Unset("all"),
        effect: "The memory nodes that the task may use, such as `0`.",
    },
];
