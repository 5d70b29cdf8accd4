//! The options of the blocks `mounts` and `mount`.

use crate::options::{Default, Entry, Kind, Peer};

/// The options of the block `mounts`, the Go driver's and docker's in one.
pub(super) const MOUNTS: &[Entry] = &keys(
    Peer::Containerd,
    Peer::Containerd,
    "Options as in fstab; a bind needs some (`rbind`, `ro`) unless the block has one of docker's keys below.",
);

/// The options of the block `mount`, which is docker's.
pub(super) const MOUNT: &[Entry] =
    &keys(Peer::Docker, Peer::Own, "Options as in fstab, over docker's keys below.");

const fn keys(since: Peer, options_since: Peer, options: &'static str) -> [Entry; 8] {
    [
        Entry {
            name: "type",
            kind: Kind::Text,
            default: Default::Value(r#""volume""#),
            since,
            effect: "`volume` or `bind` for a path, `tmpfs` for memory.",
        },
        Entry {
            name: "source",
            kind: Kind::Text,
            default: Default::Unset("none"),
            since,
            effect: "A path that begins with `local/`, `secrets/` or `../alloc/`, or an absolute one of the host.",
        },
        Entry {
            name: "target",
            kind: Kind::Text,
            default: Default::Required,
            since,
            effect: "The absolute path in the container.",
        },
        Entry {
            name: "options",
            kind: Kind::Texts,
            default: Default::Unset("none"),
            since: options_since,
            effect: options,
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
    ]
}

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
