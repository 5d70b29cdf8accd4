//! The table of a task's options.

use crate::options::{Default, Entry, Kind, Peer, auth};

/// All of them.
pub const OPTIONS: &[Entry] = &[
    Entry {
        name: "image",
        kind: Kind::Text,
        default: Default::Required,
        since: Peer::Containerd,
        effect: "The image to run, by name with tag or digest; short names mean Docker Hub.",
    },
    Entry {
        name: "image_pull_timeout",
        kind: Kind::Duration,
        default: Default::Unset("the plugin's"),
        since: Peer::Containerd,
        effect: "How long the pull of the image may take.",
    },
    auth::OF_TASK,
    Entry {
        name: "command",
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        since: Peer::Containerd,
        effect: "Replaces the image's CMD; the image's ENTRYPOINT stays in front of it.",
    },
    Entry {
        name: "args",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Arguments after `command`; without `command` they replace the image's CMD.",
    },
    Entry {
        name: "entrypoint",
        kind: Kind::TextOrTexts,
        default: Default::Unset("the image's"),
        since: Peer::Containerd,
        effect: "Replaces the image's ENTRYPOINT and drops its CMD; an empty list counts as unset.",
    },
    Entry {
        name: "cwd",
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        since: Peer::Containerd,
        effect: "The working directory in the container; it is made when it is missing.",
    },
    Entry {
        name: "work_dir",
        kind: Kind::Text,
        default: Default::Unset("`cwd`"),
        since: Peer::Docker,
        effect: "docker's name of `cwd`.",
    },
    Entry {
        name: "working_dir",
        kind: Kind::Text,
        default: Default::Unset("`cwd`"),
        since: Peer::Podman,
        effect: "podman's name of `cwd`.",
    },
    Entry {
        name: "host_network",
        kind: Kind::Flag,
        default: Default::Unset("`false`"),
        since: Peer::Containerd,
        effect: "Runs the task in the host's network, with the host's resolv.conf and hosts file.",
    },
    Entry {
        name: "network_mode",
        kind: Kind::Text,
        default: Default::Unset("the group's network"),
        since: Peer::Docker,
        effect: "`host` is docker's and podman's form of `host_network = true`; no other mode is accepted.",
    },
    Entry {
        name: "hostname",
        kind: Kind::Text,
        default: Default::Unset("the group's, else the container's"),
        since: Peer::Containerd,
        effect: "The host name in the container, which its hosts file knows, too.",
    },
    Entry {
        name: "host_dns",
        kind: Kind::Flag,
        default: Default::Value("true"),
        since: Peer::Containerd,
        effect: "`false` keeps the image's own resolv.conf; a `dns` block wins over both.",
    },
    Entry {
        name: "extra_hosts",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Further lines of the hosts file, as `name:address`; addresses of IPv4 and IPv6.",
    },
    Entry {
        name: "privileged",
        kind: Kind::Flag,
        default: Default::Value("false"),
        since: Peer::Containerd,
        effect: "All capabilities of the host's bounding set, all devices, nothing masked or read-only, no seccomp filter.",
    },
    Entry {
        name: "cap_add",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Capabilities beside the usual 14, in any case, with or without `CAP_`; `all` for every one of the host's.",
    },
    Entry {
        name: "cap_drop",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Capabilities to be without; with `all`, those of `cap_add` alone are left.",
    },
    Entry {
        name: "pid_mode",
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        since: Peer::Containerd,
        effect: "`host` shares the host's processes.",
    },
    Entry {
        name: "ipc_mode",
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        since: Peer::Docker,
        effect: "`host` shares the host's System V objects, message queues and `/dev/shm`.",
    },
    Entry {
        name: "uts_mode",
        kind: Kind::Text,
        default: Default::Unset("a namespace of the task's own"),
        since: Peer::Docker,
        effect: "`host` shares the host's name.",
    },
    Entry {
        name: "userns_mode",
        kind: Kind::Text,
        default: Default::Unset("the host's user namespace"),
        since: Peer::Docker,
        effect: "`host` is accepted, where every task is today; any other mode is refused.",
    },
    Entry {
        name: "userns",
        kind: Kind::Text,
        default: Default::Unset("`userns_mode`"),
        since: Peer::Podman,
        effect: "podman's name of `userns_mode`.",
    },
    Entry {
        name: "readonly_rootfs",
        kind: Kind::Flag,
        default: Default::Value("false"),
        since: Peer::Containerd,
        effect: "The image's files can not be written; mounts can.",
    },
    Entry {
        name: "sysctl",
        kind: Kind::Map,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Kernel parameters of the task's own namespaces, such as `net.core.somaxconn`; those of the host are refused.",
    },
    Entry {
        name: "shm_size",
        kind: Kind::Size,
        default: Default::Unset("`64M`"),
        since: Peer::Containerd,
        effect: "The size of `/dev/shm`.",
    },
    Entry {
        name: "pids_limit",
        kind: Kind::Number,
        default: Default::Unset("no limit"),
        since: Peer::Containerd,
        effect: "How many processes and threads the task can have.",
    },
    Entry {
        name: "file_limit",
        kind: Kind::Number,
        default: Default::Unset("containerd's"),
        since: Peer::Own,
        effect: "How many files a process can open, as soft and hard limit.",
    },
    Entry {
        name: "cpuset_cpus",
        kind: Kind::Text,
        default: Default::Unset("the client's"),
        since: Peer::Docker,
        effect: "The CPUs that the task may run on, such as `0-2,7`; not together with `cores` of its resources.",
    },
    Entry {
        name: "cpuset_mems",
        kind: Kind::Text,
        default: Default::Unset("all"),
        since: Peer::Own,
        effect: "The memory nodes that the task may use, such as `0`.",
    },
    Entry {
        name: "seccomp",
        kind: Kind::Flag,
        default: Default::Unset("`false`; `true` under strict"),
        since: Peer::Containerd,
        effect: "Filters system calls with docker's default profile.",
    },
    Entry {
        name: "seccomp_profile",
        kind: Kind::HostPath,
        default: Default::Unset("the default profile"),
        since: Peer::Containerd,
        effect: "A profile on the host, in docker's or the runtime spec's form; needs `seccomp = true`.",
    },
    Entry {
        name: "devices",
        kind: Kind::TextsOrBlocks(DEVICE),
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Devices of the host, as `/dev/x`, `/dev/x:rw`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rwm`, or as blocks; and CDI names, `vendor.com/class=name`, of the specifications in `/etc/cdi` and `/var/run/cdi`.",
    },
    Entry {
        name: "mounts",
        kind: Kind::Blocks(MOUNT),
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Files and directories of the allocation or the host, and memory file systems.",
    },
    Entry {
        name: "mount",
        kind: Kind::Blocks(MOUNT),
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "docker's name of `mounts`; a bind in it needs no options.",
    },
];

/// The options of a device's block.
const DEVICE: &[Entry] = &[
    Entry {
        name: "host_path",
        kind: Kind::Text,
        default: Default::Required,
        since: Peer::Docker,
        effect: "The device on the host, or a directory of devices.",
    },
    Entry {
        name: "container_path",
        kind: Kind::Text,
        default: Default::Unset("`host_path`"),
        since: Peer::Docker,
        effect: "Its path in the container.",
    },
    Entry {
        name: "cgroup_permissions",
        kind: Kind::Text,
        default: Default::Unset("`rwm`"),
        since: Peer::Docker,
        effect: "What the task may do: letters of `r`, `w` and `m`.",
    },
];

/// The options of a mount's block.
const MOUNT: &[Entry] = &[
    Entry {
        name: "type",
        kind: Kind::Text,
        default: Default::Value(r#""volume""#),
        since: Peer::Containerd,
        effect: "`volume` or `bind` for a path, `tmpfs` for memory.",
    },
    Entry {
        name: "source",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "A path that begins with `local/`, `secrets/` or `../alloc/`, or an absolute one of the host.",
    },
    Entry {
        name: "target",
        kind: Kind::Text,
        default: Default::Required,
        since: Peer::Containerd,
        effect: "The absolute path in the container.",
    },
    Entry {
        name: "options",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "Options as in fstab; a bind needs some (`rbind`, `ro`) unless the block has one of docker's keys below.",
    },
    Entry {
        name: "readonly",
        kind: Kind::Flag,
        default: Default::Unset("`false`"),
        since: Peer::Docker,
        effect: "Whether it can not be written.",
    },
    Entry {
        name: "bind_options",
        kind: Kind::Block(BIND),
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "docker's options of a bind.",
    },
    Entry {
        name: "tmpfs_options",
        kind: Kind::Block(TMPFS),
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "docker's options of a tmpfs.",
    },
    Entry {
        name: "volume_options",
        kind: Kind::Block(VOLUME),
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "docker's options of a volume.",
    },
];

/// The options of `volume_options`.
const VOLUME: &[Entry] = &[
    Entry {
        name: "no_copy",
        kind: Kind::Flag,
        default: Default::Unset("`true`"),
        since: Peer::Docker,
        effect: "Files of the image are never copied into what is mounted over them.",
    },
    Entry {
        name: "labels",
        kind: Kind::Map,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused: there is no volume that could have labels.",
    },
    Entry {
        name: "driver_config",
        kind: Kind::Block(VOLUME_DRIVER),
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused: volumes with drivers are Nomad's, as `volume` and `volume_mount`.",
    },
];

/// The options of `driver_config`.
const VOLUME_DRIVER: &[Entry] = &[
    Entry {
        name: "name",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused, as the block is.",
    },
    Entry {
        name: "options",
        kind: Kind::Map,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused, as the block is.",
    },
];

/// The options of `bind_options`.
const BIND: &[Entry] = &[Entry {
    name: "propagation",
    kind: Kind::Text,
    default: Default::Unset("`rprivate`"),
    since: Peer::Docker,
    effect: "How later mounts spread: `rprivate`, `rslave` or `rshared`.",
}];

/// The options of `tmpfs_options`.
const TMPFS: &[Entry] = &[
    Entry {
        name: "size",
        kind: Kind::Size,
        default: Default::Unset("half of the memory"),
        since: Peer::Docker,
        effect: "How much it can hold.",
    },
    Entry {
        name: "mode",
        kind: Kind::Number,
        default: Default::Unset("1777 in octal"),
        since: Peer::Docker,
        effect: "Permission bits as a number, such as 448 for octal 700.",
    },
];
