//! containerd, and what the driver keeps on the host.

use driver_core::PluginConfig;

use crate::options::auth;
use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("enabled", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "`false` reports the driver as undetected, so that no task for it is placed on the node.",
        read: |value, config| value.flag().map(|given| config.enabled = given),
    },
    Entry {
        names: &[("containerd_runtime", Origin::GoDriver)],
        kind: Kind::Text,
        default: Default::Value(r#""io.containerd.runc.v2""#),
        description: "The containerd runtime for containers, by name.",
        read: |value, config| value.name().map(|given| config.runtime = given),
    },
    Entry {
        names: &[("containerd_addr", Origin::ThisDriver)],
        kind: Kind::HostPath,
        default: Default::Value(r#""/run/containerd/containerd.sock""#),
        description: "containerd's socket, with or without `unix://`.",
        read: |value, config| value.host_path().map(|given| config.address = given),
    },
    Entry {
        names: &[("containerd_namespace", Origin::ThisDriver)],
        kind: Kind::Text,
        default: Default::Unset("`nomad` on cgroup v1, `nomad.slice` on v2"),
        description: "The containerd namespace for images, snapshots and containers. Running tasks stay in the namespace that they were started in.",
        read: |value, config| value.name().map(|given| config.namespace = Some(given)),
    },
    Entry {
        names: &[("stats_interval", Origin::GoDriver)],
        kind: Kind::Duration,
        default: Default::Unset("the client's"),
        description: "How often the resource usage of tasks is collected.",
        read: |value, config| value.duration().map(|given| config.stats_interval = given),
    },
    Entry {
        names: &[("snapshotter", Origin::ThisDriver)],
        kind: Kind::Text,
        default: Default::Value(r#""overlayfs""#),
        description: "The containerd snapshotter for root filesystems, by name.",
        read: |value, config| value.name().map(|given| config.snapshotter = given),
    },
    Entry {
        names: &[("state_dir", Origin::ThisDriver)],
        kind: Kind::HostPath,
        default: Default::Value(r#""/run/containerd-driver""#),
        description: "The driver's own directory (mode 0700) for hosts files, resolv.conf files, exec pipes, labels and mounts of tasks. Do not share it with another driver, and do not delete anything in it while tasks run.",
        read: |value, config| value.host_path().map(|given| config.state_dir = given),
    },
    Entry {
        names: &[("client_timeout", Origin::ThisDriver)],
        kind: Kind::Duration,
        default: Default::Value(r#""1m""#),
        description: "Time limit for one call to containerd. Pulls have their own limits.",
        read: |value, config| {
            value.duration_or(config.client_timeout).map(|given| config.client_timeout = given)
        },
    },
    Entry {
        names: &[("image_pull_timeout", Origin::Docker)],
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        description: "Time limit for pulling an image, used when the job sets none.",
        read: |value, config| {
            value.duration_or(config.image_pull_timeout).map(|given| config.image_pull_timeout = given)
        },
    },
    auth::OF_PLUGIN,
    Entry {
        names: &[("disable_log_collection", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Value("false"),
        description: "`true` discards the output of tasks, for hosts where tasks log in other ways: there are no log pipes, \
                 and the client starts no log collector.",
        read: |value, config| value.flag().map(|given| config.disable_log_collection = given),
    },
];
