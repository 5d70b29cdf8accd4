//! The options of the plugin: the operator's `plugin "containerd-driver" { config { … } }`.

use driver_core::PluginConfig;
use driver_core::request::config::{AllowedModes, DanglingContainers, SeccompProfiles};

use super::reader::{OptionError, Reader};
use super::{Default, Entry, Kind, Peer, auth};

/// All of them.
pub const OPTIONS: &[Entry] = &[
    Entry {
        name: "enabled",
        kind: Kind::Flag,
        default: Default::Value("true"),
        since: Peer::Containerd,
        effect: "`false` leaves the driver undetected, so that the node gets no task for it.",
    },
    Entry {
        name: "containerd_runtime",
        kind: Kind::Text,
        default: Default::Value(r#""io.containerd.runc.v2""#),
        since: Peer::Containerd,
        effect: "The runtime that containers run with, by its name in containerd.",
    },
    Entry {
        name: "containerd_addr",
        kind: Kind::HostPath,
        default: Default::Value(r#""/run/containerd/containerd.sock""#),
        since: Peer::Own,
        effect: "containerd's socket, with or without `unix://`.",
    },
    Entry {
        name: "containerd_namespace",
        kind: Kind::Text,
        default: Default::Unset("`nomad` on cgroup v1, `nomad.slice` on v2"),
        since: Peer::Own,
        effect: "The containerd namespace of images, snapshots and containers. Tasks that run already go on in the one they were started in.",
    },
    Entry {
        name: "stats_interval",
        kind: Kind::Duration,
        default: Default::Unset("the client's"),
        since: Peer::Containerd,
        effect: "How often a task's usage is sampled.",
    },
    Entry {
        name: "snapshotter",
        kind: Kind::Text,
        default: Default::Value(r#""overlayfs""#),
        since: Peer::Own,
        effect: "The snapshotter of the root file systems, by its name in containerd.",
    },
    Entry {
        name: "state_dir",
        kind: Kind::HostPath,
        default: Default::Value(r#""/run/containerd-driver""#),
        since: Peer::Own,
        effect: "The driver's own directory (mode 0700) for hosts files, resolv.conf files, exec pipes, labels and mounts of tasks; not to be shared with another driver, nor cleaned under tasks that run.",
    },
    Entry {
        name: "client_timeout",
        kind: Kind::Duration,
        default: Default::Value(r#""1m""#),
        since: Peer::Own,
        effect: "How long one call to containerd may take; pulls have limits of their own.",
    },
    Entry {
        name: "image_pull_timeout",
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        since: Peer::Docker,
        effect: "How long the pull of an image may take where the job does not say.",
    },
    auth::OF_PLUGIN,
    Entry {
        name: "disable_log_collection",
        kind: Kind::Flag,
        default: Default::Value("false"),
        since: Peer::Docker,
        effect: "`true` drops what tasks write, for hosts whose tasks log by other ways: no log pipes, and no log \
                 collector of the client's.",
    },
    Entry {
        name: "allow_privileged",
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        since: Peer::Containerd,
        effect: "Whether jobs may be `privileged`.",
    },
    Entry {
        name: "allow_host_network",
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        since: Peer::Own,
        effect: "Whether jobs may be in the host's network, by `host_network`, `network_mode` or ports of the host.",
    },
    Entry {
        name: "allow_devices",
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        since: Peer::Own,
        effect: "Whether jobs may name `devices` of the host. Nomad's device plugins always work.",
    },
    Entry {
        name: "seccomp_profile_dir",
        kind: Kind::HostPath,
        default: Default::Unset("every file; none under strict"),
        since: Peer::Own,
        effect: "The directory that `seccomp_profile` of a job must name a file in.",
    },
    Entry {
        name: "security",
        kind: Kind::Text,
        default: Default::Value(r#""default""#),
        since: Peer::Own,
        effect: "`strict` changes what holds where neither operator nor job says more, for hosts that several \
                 parties share: seccomp on, no `NET_RAW`, nothing privileged, no namespaces, devices or paths of \
                 the host.",
    },
    Entry {
        name: "allow_caps",
        kind: Kind::Texts,
        default: Default::Unset("`all`; the usual set without `NET_RAW` under strict"),
        since: Peer::Docker,
        effect: "The capabilities that a job may have without being privileged.",
    },
    Entry {
        name: "allowed_modes",
        kind: Kind::Block(MODES),
        default: Default::Unset("all; none under strict"),
        since: Peer::Docker,
        effect: "The modes in which jobs may be in namespaces of the host.",
    },
    Entry {
        name: "volumes",
        kind: Kind::Block(VOLUMES),
        default: Default::Unset("enabled; disabled under strict"),
        since: Peer::Docker,
        effect: "What of the host jobs may mount; the allocation's own paths always work.",
    },
    Entry {
        name: "recover_stopped",
        kind: Kind::Flag,
        default: Default::Value("false"),
        since: Peer::Podman,
        effect: "A task that a restart of the host ended starts with the files that it had written into its \
                 container, as far as they had reached the disk, if its image is the same. Nothing else is \
                 resumed: it is a new container that runs the command from its beginning, configured by the job \
                 and this driver as of now. Once only: if that start fails, the next one gets a new file system.",
    },
    Entry {
        name: "gc",
        kind: Kind::Block(GC),
        default: Default::Unset("as below"),
        since: Peer::Docker,
        effect: "What is removed without being asked for.",
    },
];

/// The options of `gc`.
const GC: &[Entry] = &[
    Entry {
        name: "container",
        kind: Kind::Flag,
        default: Default::Value("true"),
        since: Peer::Docker,
        effect: "`false` leaves the container of a task that has ended and its file system in containerd, for people to \
                 look into, until the same task starts again or its allocation's directory is gone.",
    },
    Entry {
        name: "dangling_containers",
        kind: Kind::Block(DANGLING),
        default: Default::Unset("as below"),
        since: Peer::Docker,
        effect: "What tasks of this node left behind: containers, snapshots and files of this driver in which no task \
                 runs that the client waits for, and whose allocation's directory is gone.",
    },
];

/// The options of `gc.dangling_containers`.
const DANGLING: &[Entry] = &[
    Entry {
        name: "enabled",
        kind: Kind::Flag,
        default: Default::Value("true"),
        since: Peer::Docker,
        effect: "Whether they are removed.",
    },
    Entry {
        name: "dry_run",
        kind: Kind::Flag,
        default: Default::Value("false"),
        since: Peer::Docker,
        effect: "Only logs what would be removed.",
    },
    Entry {
        name: "period",
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        since: Peer::Docker,
        effect: "How often they are looked for.",
    },
    Entry {
        name: "creation_grace",
        kind: Kind::Duration,
        default: Default::Value(r#""5m""#),
        since: Peer::Docker,
        effect: "How old one must be, and how long the running driver must have seen it dangling.",
    },
];

/// The options of `allowed_modes`.
const MODES: &[Entry] = &[
    modes("pid", "Values that `pid_mode` may have."),
    modes("ipc", "Values that `ipc_mode` may have."),
    modes(
        "userns",
        "Values that `userns_mode` may have; a task without it is in the host's user namespace, too.",
    ),
    modes("uts", "Values that `uts_mode` may have."),
];

const fn modes(name: &'static str, effect: &'static str) -> Entry {
    let default = Default::Unset("`[\"host\"]`; none under strict");
    Entry { name, kind: Kind::Texts, default, since: Peer::Docker, effect }
}

/// The options of `volumes`.
const VOLUMES: &[Entry] = &[
    Entry {
        name: "enabled",
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        since: Peer::Docker,
        effect: "Whether `mounts` may have absolute paths of the host.",
    },
    Entry {
        name: "selinuxlabel",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused: relabelling what is mounted is not supported yet.",
    },
];

/// Decodes the plugin's configuration, cty msgpack as clients send it; an absent block is an empty one.
///
/// # Errors
/// [`OptionError`] for the first option that cannot be taken.
pub fn decode(bytes: &[u8]) -> Result<PluginConfig, OptionError> {
    read(&mut Reader::new(bytes)?)
}

fn read(reader: &mut Reader) -> Result<PluginConfig, OptionError> {
    let accepted = "\"default\" or \"strict\" is accepted";
    let strict = reader.word("security", accepted, &[("default", false), ("strict", true)])?;
    let default = match strict {
        Some(true) => PluginConfig::strict(),
        Some(false) | None => PluginConfig::default(),
    };
    let mut modes = reader.block("allowed_modes")?;
    let (keep_containers, dangling_containers) = gc(&mut reader.block("gc")?, default.keep_containers)?;
    Ok(PluginConfig {
        enabled: reader.flag("enabled")?.unwrap_or(default.enabled),
        runtime: reader.name("containerd_runtime")?.unwrap_or(default.runtime),
        address: reader.host_path("containerd_addr")?.unwrap_or(default.address),
        namespace: reader.name("containerd_namespace")?,
        stats_interval: reader.duration("stats_interval")?,
        snapshotter: reader.name("snapshotter")?.unwrap_or(default.snapshotter),
        state_dir: reader.host_path("state_dir")?.unwrap_or(default.state_dir),
        client_timeout: reader.duration("client_timeout")?.unwrap_or(default.client_timeout),
        image_pull_timeout: reader.duration("image_pull_timeout")?.unwrap_or(default.image_pull_timeout),
        auth: auth::of_plugin(&mut reader.block("auth")?)?,
        allow_privileged: reader.flag("allow_privileged")?.unwrap_or(default.allow_privileged),
        allow_caps: reader.texts_if_set("allow_caps")?.unwrap_or(default.allow_caps),
        allowed_modes: allowed_modes(&mut modes, default.allowed_modes)?,
        volumes: volumes(&mut reader.block("volumes")?)?.unwrap_or(default.volumes),
        allow_host_network: reader.flag("allow_host_network")?.unwrap_or(default.allow_host_network),
        allow_devices: reader.flag("allow_devices")?.unwrap_or(default.allow_devices),
        seccomp_profiles: reader
            .host_path("seccomp_profile_dir")?
            .map_or(default.seccomp_profiles, SeccompProfiles::Beneath),
        longer_pulls: default.longer_pulls,
        seccomp: default.seccomp,
        disable_log_collection: reader
            .flag("disable_log_collection")?
            .unwrap_or(default.disable_log_collection),
        recover_stopped: reader.flag("recover_stopped")?.unwrap_or(default.recover_stopped),
        keep_containers,
        dangling_containers,
    })
}

fn volumes(block: &mut Reader) -> Result<Option<bool>, OptionError> {
    if block.filled("volumes.selinuxlabel")?.is_some() {
        let accepted = "not supported yet; \"\" is accepted, with which files keep the labels that they have";
        return Err(block.refused("volumes.selinuxlabel", accepted));
    }
    block.flag("volumes.enabled")
}

/// Whether ended tasks keep their containers, and what is done with those that dangle.
fn gc(block: &mut Reader, keeps: bool) -> Result<(bool, DanglingContainers), OptionError> {
    let keeps = !block.flag("gc.container")?.unwrap_or(!keeps);
    Ok((keeps, dangling_containers(&mut block.block("gc.dangling_containers")?)?))
}

fn dangling_containers(block: &mut Reader) -> Result<DanglingContainers, OptionError> {
    let default = DanglingContainers::default();
    Ok(DanglingContainers {
        enabled: block.flag("gc.dangling_containers.enabled")?.unwrap_or(default.enabled),
        dry_run: block.flag("gc.dangling_containers.dry_run")?.unwrap_or(default.dry_run),
        period: block.duration("gc.dangling_containers.period")?.unwrap_or(default.period),
        creation_grace: block
            .duration("gc.dangling_containers.creation_grace")?
            .unwrap_or(default.creation_grace),
    })
}

fn allowed_modes(modes: &mut Reader, default: AllowedModes) -> Result<AllowedModes, OptionError> {
    Ok(AllowedModes {
        pid: modes.texts_if_set("allowed_modes.pid")?.unwrap_or(default.pid),
        ipc: modes.texts_if_set("allowed_modes.ipc")?.unwrap_or(default.ipc),
        userns: modes.texts_if_set("allowed_modes.userns")?.unwrap_or(default.userns),
        uts: modes.texts_if_set("allowed_modes.uts")?.unwrap_or(default.uts),
    })
}

#[cfg(test)]
mod tests;
