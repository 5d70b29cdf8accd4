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
    Entry {
        name: "seccomp",
        kind: Kind::Flag,
        default: Default::Unset("`false`; `true` under strict"),
        effect: "Filters system calls with docker's default profile.",
    },
    Entry {
        name: "seccomp_profile",
        kind: Kind::HostPath,
        default: Default::Unset("the default profile"),
        effect: "A profile on the host, in docker's or the runtime spec's form; needs `seccomp = true`.",
    },
    Entry {
        name: "devices",
        kind: Kind::TextsOrBlocks(DEVICE),
        default: Default::Unset("none"),
        effect: "Devices of the host, as `/dev/x`, `/dev/x:rw`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rwm`, or as blocks.",
    },
    Entry {
        name: "mounts",
        kind: Kind::Blocks(MOUNT),
        default: Default::Unset("none"),
        effect: "Files and directories of the allocation or the host, and memory file systems.",
    },
];

/// The options of a device's block.
pub(super) const DEVICE: &[Entry] = &[
    Entry {
        name: "host_path",
        kind: Kind::Text,
        default: Default::Required,
        effect: "The device on the host, or a directory of devices.",
    },
    Entry {
        name: "container_path",
        kind: Kind::Text,
        default: Default::Unset("`host_path`"),
        effect: "Its path in the container.",
    },
    Entry {
        name: "cgroup_permissions",
        kind: Kind::Text,
        default: Default::Unset("`rwm`"),
        effect: "What the task may do: letters of `r`, `w` and `m`.",
    },
];

/// The options of a mount's block.
pub(super) const MOUNT: &[Entry] = &[
    Entry {
        name: "type",
        kind: Kind::Text,
        default: Default::Value(r#""volume""#),
        effect: "`volume` or `bind` for a path, `tmpfs` for memory.",
    },
    Entry {
        name: "source",
        kind: Kind::Text,
        default: Default::Unset("none"),
        effect: "A path that begins with `local/`, `secrets/` or `../alloc/`, or an absolute one of the host.",
    },
    Entry {
        name: "target",
        kind: Kind::Text,
        default: Default::Required,
        effect: "The absolute path in the container.",
    },
    Entry {
        name: "options",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        effect: "Options as in fstab; a bind needs some (`rbind`, `ro`) unless the block has one of docker's keys below.",
    },
    Entry {
        name: "readonly",
        kind: Kind::Flag,
        default: Default::Unset("`false`"),
        effect: "Whether it can not be written.",
    },
    Entry {
        name: "bind_options",
        kind: Kind::Block(BIND),
        default: Default::Unset("none"),
        effect: "docker's options of a bind.",
    },
    Entry {
        name: "tmpfs_options",
        kind: Kind::Block(TMPFS),
        default: Default::Unset("none"),
        effect: "docker's options of a tmpfs.",
    },
];

/// The options of `bind_options`.
pub(super) const BIND: &[Entry] = &[Entry {
    name: "propagation",
    kind: Kind::Text,
    default: Default::Unset("`rprivate`"),
    effect: "How later mounts spread: `rprivate`, `rslave` or `rshared`.",
}];

/// The options of `tmpfs_options`.
pub(super) const TMPFS: &[Entry] = &[
    Entry {
        name: "size",
        kind: Kind::Size,
        default: Default::Unset("half of the memory"),
        effect: "How much it can hold.",
    },
    Entry {
        name: "mode",
        kind: Kind::Number,
        default: Default::Unset("1777 in octal"),
        effect: "Permission bits as a number, such as 448 for octal 700.",
    },
];
