//! What jobs may have of the host.

use driver_core::PluginConfig;
use driver_core::request::config::{AllowedModes, SeccompProfiles};

use crate::options::entry::{Default, Entry, Kind, Name, Origin, Read};

pub(super) const OPTIONS: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("allow_privileged", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        description: "Whether jobs may be `privileged`.",
        read: |value, config| value.flag().map(|given| config.allow_privileged = given),
    },
    Entry {
        names: &[("allow_host_network", Origin::ThisDriver)],
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        description: "Whether jobs may be in the host's network, by `host_network`, `network_mode` or ports of the host.",
        read: |value, config| value.flag().map(|given| config.allow_host_network = given),
    },
    Entry {
        names: &[("allow_devices", Origin::ThisDriver)],
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        description: "Whether jobs may name `devices` of the host. Nomad's device plugins always work.",
        read: |value, config| value.flag().map(|given| config.allow_devices = given),
    },
    Entry {
        names: &[("seccomp_profile_dir", Origin::ThisDriver)],
        kind: Kind::HostPath,
        default: Default::Unset("every file; none under strict"),
        description: "The directory that `seccomp_profile` of a job must name a file in.",
        read: |value, config| {
            config.seccomp_profiles = SeccompProfiles::Beneath(value.host_path()?);
            Ok(())
        },
    },
    // Read before the others.
    Entry { read: |_, _| Ok(()), ..SECURITY },
    Entry {
        names: &[("allow_caps", Origin::Docker)],
        kind: Kind::Texts,
        default: Default::Unset("`all`; the usual set without `NET_RAW` under strict"),
        description: "The capabilities that a job may have without being privileged.",
        read: |value, config| value.texts().map(|given| config.allow_caps = given),
    },
    Entry {
        names: &[("allowed_modes", Origin::Docker)],
        kind: Kind::Block(&MODES),
        default: Default::Unset("all; none under strict"),
        description: "The modes in which jobs may be in namespaces of the host.",
        read: |value, config| value.block(MODES, &mut config.allowed_modes),
    },
    Entry {
        names: &[("volumes", Origin::Docker)],
        kind: Kind::Block(&VOLUMES),
        default: Default::Unset("enabled; disabled under strict"),
        description: "What of the host jobs may mount; the allocation's own paths always work.",
        read: |value, config| value.block(VOLUMES, config),
    },
];

/// `security`, which decides what the others are where they are left out.
pub(super) const SECURITY: Entry<PluginConfig> = Entry {
    names: &[("security", Origin::ThisDriver)],
    kind: Kind::Text,
    default: Default::Value(r#""default""#),
    description: "`strict` changes what holds where neither operator nor job says more, for hosts that several \
             parties share: seccomp on, no `NET_RAW`, nothing privileged, no namespaces, devices or paths of \
             the host.",
    read: |value, config| {
        let accepted = "\"default\" or \"strict\" is accepted";
        if value.word(accepted, &[("default", false), ("strict", true)])? {
            *config = PluginConfig::strict();
        }
        Ok(())
    },
};

/// The options of `allowed_modes`.
const MODES: &[Entry<AllowedModes>] = &[
    modes(&[("pid", Origin::Docker)], "Values that `pid_mode` may have.", |value, modes| {
        value.texts().map(|given| modes.pid = given)
    }),
    modes(&[("ipc", Origin::Docker)], "Values that `ipc_mode` may have.", |value, modes| {
        value.texts().map(|given| modes.ipc = given)
    }),
    modes(
        &[("userns", Origin::Docker)],
        "Values that `userns_mode` may have; a task without it is in the host's user namespace, too.",
        |value, modes| value.texts().map(|given| modes.userns = given),
    ),
    modes(&[("uts", Origin::Docker)], "Values that `uts_mode` may have.", |value, modes| {
        value.texts().map(|given| modes.uts = given)
    }),
];

const fn modes(
    names: &'static [Name],
    description: &'static str,
    read: Read<AllowedModes>,
) -> Entry<AllowedModes> {
    let default = Default::Unset("`[\"host\"]`; none under strict");
    Entry { names, kind: Kind::Texts, default, description, read }
}

/// The options of `volumes`.
const VOLUMES: &[Entry<PluginConfig>] = &[
    Entry {
        names: &[("enabled", Origin::Docker)],
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        description: "Whether `mounts` may have absolute paths of the host.",
        read: |value, config| value.flag().map(|given| config.volumes = given),
    },
    Entry {
        names: &[("selinuxlabel", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("none"),
        description: "Refused: relabelling what is mounted is not supported yet.",
        read: |value, _| match value.filled()? {
            None => Ok(()),
            Some(_) => Err(value.refused(
                "not supported yet; \"\" is accepted, with which files keep the labels that they have",
            )),
        },
    },
];
