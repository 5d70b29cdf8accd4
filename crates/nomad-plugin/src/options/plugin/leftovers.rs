//! What is kept of tasks that have ended, and what is removed.

use driver_core::PluginConfig;
use driver_core::request::config::DanglingContainers;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("recover_stopped", Origin::Podman)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "A task that was ended by a reboot of the host starts again with the root filesystem that it had, as \
                 far as it was written to disk, if its image is the same. Only the files are kept: the container \
                 is new, runs its command from the beginning and has the job's and the driver's current \
                 configuration. This is tried once; if that start fails, the next one gets a new root filesystem.",
        read: |value, config| value.flag().map(|given| config.recover_stopped = given),
    },
    Entry {
        names: &[("gc", Origin::Docker)],
        kind: Kind::Block(&GC),
        default: Default::Unset("as below"),
        description: "What is removed automatically.",
        read: |value, config| value.block(GC, config),
    },
];

/// The options of `gc`.
const GC: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("container", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "`false` keeps the container of an ended task and its root filesystem in containerd, for inspection, \
                 until the same task starts again or the allocation's directory is removed.",
        read: |value, config| value.flag().map(|given| config.keep_containers = !given),
    },
    Entry {
        names: &[("dangling_containers", Origin::Docker)],
        kind: Kind::Block(&DANGLING),
        default: Default::Unset("as below"),
        description: "Removal of what tasks of this node left behind: containers, snapshots and files of this driver that no \
                 running task of the client uses and whose allocation's directory is gone.",
        read: |value, config| value.block(DANGLING, &mut config.dangling_containers),
    },
];

/// The options of `gc.dangling_containers`.
const DANGLING: &[Entry<DanglingContainers>] = &[
    Entry {
        names: &[("enabled", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "Whether dangling containers are removed.",
        read: |value, dangling| value.flag().map(|given| dangling.enabled = given),
    },
    Entry {
        names: &[("dry_run", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "Only logs what would be removed.",
        read: |value, dangling| value.flag().map(|given| dangling.dry_run = given),
    },
    Entry {
        names: &[("period", Origin::Docker)],
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        description: "How often the driver looks for dangling containers.",
        read: |value, dangling| value.duration_or(dangling.period).map(|given| dangling.period = given),
    },
    Entry {
        names: &[("creation_grace", Origin::Docker)],
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        description: "Minimum age of a container, and minimum time for which the running driver has seen it dangling.",
        read: |value, dangling| {
            value.duration_or(dangling.creation_grace).map(|given| dangling.creation_grace = given)
        },
    },
];
