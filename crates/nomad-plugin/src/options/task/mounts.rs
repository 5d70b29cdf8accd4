//! The mounts of a task: the blocks `mounts` and `mount`.

use driver_core::request::options::{DockerMountOption, MountOption, TaskOptions};

use crate::options::entry::{Default, Entry, Kind, Origin};
use crate::options::error::OptionError;
use crate::options::reader::Reader;

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("mounts", Origin::GoDriver)],
        kind: Kind::Blocks(&MOUNTS),
        default: Default::Unset("none"),
        description: "Mounts files and directories of the allocation or the host, or a tmpfs.",
        read: |value, options| value.blocks(MOUNTS).map(|given| options.mounts.extend(given)),
    },
    Entry {
        names: &[("mount", Origin::Docker)],
        kind: Kind::Blocks(&MOUNT),
        default: Default::Unset("none"),
        description: "docker's name of `mounts`. A bind in it needs no `options`.",
        read: |value, options| {
            for mut mount in value.blocks(MOUNT)? {
                docker(&mut mount);
                options.mounts.push(mount);
            }
            Ok(())
        },
    },
];

/// The options of the block `mounts`, the Go driver's and docker's in one.
const MOUNTS: &[Entry<MountOption>] =
    &[TYPE, SOURCE, TARGET, OPTIONS_OF_FSTAB, READONLY, BIND_OPTIONS, TMPFS_OPTIONS, VOLUME_OPTIONS];

/// The options of the block `mount`, which is docker's.
const MOUNT: &[Entry<MountOption>] = &[
    Entry { names: &[("type", Origin::Docker)], ..TYPE },
    Entry { names: &[("source", Origin::Docker)], ..SOURCE },
    Entry { names: &[("target", Origin::Docker)], ..TARGET },
    Entry {
        names: &[("options", Origin::ThisDriver)],
        description: "Mount options as in fstab. They override docker's keys below.",
        ..OPTIONS_OF_FSTAB
    },
    READONLY,
    BIND_OPTIONS,
    TMPFS_OPTIONS,
    VOLUME_OPTIONS,
];

const TYPE: Entry<MountOption> = Entry {
    names: &[("type", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Value(r#""volume""#),
    description: "`volume` or `bind` for a path, `tmpfs` for a tmpfs.",
    read: |value, mount| value.text().map(|given| mount.kind = given),
};

const SOURCE: Entry<MountOption> = Entry {
    names: &[("source", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "A path under `local/`, `secrets/` or `../alloc/`, or an absolute path on the host.",
    read: |value, mount| value.text().map(|given| mount.source = given),
};

const TARGET: Entry<MountOption> = Entry {
    names: &[("target", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Required("set it to an absolute path in the container"),
    description: "The absolute path in the container.",
    read: |value, mount| value.text().map(|given| mount.target = given),
};

const OPTIONS_OF_FSTAB: Entry<MountOption> = Entry {
    names: &[("options", Origin::GoDriver)],
    kind: Kind::Texts,
    default: Default::Unset("none"),
    description: "Mount options as in fstab. A bind needs some, such as `rbind` or `ro`, unless the block has one of docker's keys below.",
    read: |value, mount| value.texts().map(|given| mount.options = given),
};

const READONLY: Entry<MountOption> = Entry {
    names: &[("readonly", Origin::Docker)],
    kind: Kind::Flag,
    default: Default::Unset("`false`"),
    description: "Makes the mount read-only.",
    read: |value, mount| value.flag().map(|given| docker(mount).readonly = given),
};

const BIND_OPTIONS: Entry<MountOption> = Entry {
    names: &[("bind_options", Origin::Docker)],
    kind: Kind::Block(&BIND),
    default: Default::Unset("none"),
    description: "docker's options for a bind.",
    read: |value, mount| value.block(BIND, docker(mount)),
};

const TMPFS_OPTIONS: Entry<MountOption> = Entry {
    names: &[("tmpfs_options", Origin::Docker)],
    kind: Kind::Block(&TMPFS),
    default: Default::Unset("none"),
    description: "docker's options for a tmpfs.",
    read: |value, mount| value.block(TMPFS, docker(mount)),
};

const VOLUME_OPTIONS: Entry<MountOption> = Entry {
    names: &[("volume_options", Origin::Docker)],
    kind: Kind::Block(&VOLUME),
    default: Default::Unset("none"),
    description: "docker's options for a volume.",
    read: |value, mount| value.block(VOLUME, docker(mount)),
};

/// docker's part of a mount: whichever of its keys is set makes the block docker's.
fn docker(mount: &mut MountOption) -> &mut DockerMountOption {
    mount.docker.get_or_insert_default()
}

/// The options of `bind_options`.
const BIND: &[Entry<DockerMountOption>] = &[Entry {
    names: &[("propagation", Origin::Docker)],
    kind: Kind::Text,
    default: Default::Unset("`rprivate`"),
    description: "How mounts made later propagate: `rprivate`, `rslave` or `rshared`.",
    read: |value, docker| value.text().map(|given| docker.propagation = given),
}];

/// The options of `tmpfs_options`.
const TMPFS: &[Entry<DockerMountOption>] = &[
    Entry {
        names: &[("size", Origin::Docker)],
        kind: Kind::Size,
        default: Default::Unset("half of the memory"),
        description: "Maximum size of the tmpfs.",
        read: |value, docker| value.size().map(|given| docker.tmpfs_size = given),
    },
    Entry {
        names: &[("mode", Origin::Docker)],
        kind: Kind::Number,
        default: Default::Unset("1777 in octal"),
        description: "Permission bits as a decimal number, such as 448 for octal 700.",
        read: |value, docker| value.number().map(|given| docker.tmpfs_mode = given),
    },
];

/// The options of `volume_options`. A volume of docker's daemon can be more than a directory: what there is no such
/// thing for is refused.
const VOLUME: &[Entry<DockerMountOption>] = &[
    Entry {
        names: &[("no_copy", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Unset("`true`"),
        description: "Accepted and not used: the image's files are never copied into a mount.",
        read: |value, _| value.flag().map(drop),
    },
    Entry {
        names: &[("labels", Origin::Docker)],
        kind: Kind::Map,
        default: Default::Unset("none"),
        description: "Refused: there is no Docker volume to label.",
        read: |value, _| Err(value.refused("not supported, as there is no Docker volume to label; remove it")),
    },
    Entry {
        names: &[("driver_config", Origin::Docker)],
        kind: Kind::Block(&VOLUME_DRIVER),
        default: Default::Unset("none"),
        description: "Refused: for a volume with a driver use Nomad's `volume` and `volume_mount`.",
        read: volume_driver,
    },
];

/// The options of `driver_config`.
const VOLUME_DRIVER: &[Entry<DockerMountOption>] = &[
    Entry {
        names: &[("name", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("none"),
        description: "Refused with its block.",
        read: volume_driver,
    },
    Entry {
        names: &[("options", Origin::Docker)],
        kind: Kind::Map,
        default: Default::Unset("none"),
        description: "Refused with its block.",
        read: volume_driver,
    },
];

fn volume_driver(value: &Reader<'_>, _: &mut DockerMountOption) -> Result<(), OptionError> {
    Err(value.refused("not supported; for a volume with a driver use Nomad's volume and volume_mount"))
}
