//! What is kept of tasks that have ended, and what is removed.

use driver_core::PluginConfig;
use driver_core::request::config::DanglingContainers;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("recover_stopped", Origin::Podman)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "A task that a restart of the host ended starts with the files that it had written into its \
                 container, as far as they had reached the disk, if its image is the same. Nothing else is \
                 resumed: it is a new container that runs the command from its beginning, configured by the job \
                 and this driver as of now. Once only: if that start fails, the next one gets a new file system.",
        read: |value, config| value.flag().map(|given| config.recover_stopped = given),
    },
    Entry {
        names: &[("gc", Origin::Docker)],
        kind: Kind::Block(&GC),
        default: Default::Unset("as below"),
        description: "What is removed without being asked for.",
        read: |value, config| value.block(GC, config),
    },
];

/// The options of `gc`.
const GC: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("container", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "`false` leaves the container of a task that has ended and its file system in containerd, for people to \
                 look into, until the same task starts again or its allocation's directory is gone.",
        read: |value, config| value.flag().map(|given| config.keep_containers = !given),
    },
    Entry {
        names: &[("dangling_containers", Origin::Docker)],
        kind: Kind::Block(&DANGLING),
        default: Default::Unset("as below"),
        description: "What tasks of this node left behind: containers, snapshots and files of this driver in which no task \
                 runs that the client waits for, and whose allocation's directory is gone.",
        read: |value, config| value.block(DANGLING, &mut config.dangling_containers),
    },
];

/// The options of `gc.dangling_containers`.
const DANGLING: &[Entry<DanglingContainers>] = &[
    Entry {
        names: &[("enabled", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "Whether they are removed.",
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
        description: "How often they are looked for.",
        read: |value, dangling| value.duration_or(dangling.period).map(|given| dangling.period = given),
    },
    Entry {
        names: &[("creation_grace", Origin::Docker)],
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        description: "How old one must be, and how long the running driver must have seen it dangling.",
        read: |value, dangling| {
            value.duration_or(dangling.creation_grace).map(|given| dangling.creation_grace = given)
        },
    },
];
