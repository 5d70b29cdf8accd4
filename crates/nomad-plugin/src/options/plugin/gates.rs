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
        description: "Whether jobs may use the host's network, with `host_network`, `network_mode` or host ports.",
        read: |value, config| value.flag().map(|given| config.allow_host_network = given),
    },
    Entry {
        names: &[("allow_devices", Origin::ThisDriver)],
        kind: Kind::Flag,
        default: Default::Unset("`true`; `false` under strict"),
        description: "Whether jobs may use host `devices`. Nomad's device plugins always work.",
        read: |value, config| value.flag().map(|given| config.allow_devices = given),
    },
    Entry {
        names: &[("seccomp_profile_dir", Origin::ThisDriver)],
        kind: Kind::HostPath,
        default: Default::Unset("any file; none under strict"),
        description: "The directory that must contain the file of a job's `seccomp_profile`.",
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
        description: "The capabilities that unprivileged jobs may have.",
        read: |value, config| value.texts().map(|given| config.allow_caps = given),
    },
    Entry {
        names: &[("allowed_modes", Origin::Docker)],
        kind: Kind::Block(&MODES),
        default: Default::Unset("all; none under strict"),
        description: "The namespace modes that jobs may use.",
        read: |value, config| value.block(MODES, &mut config.allowed_modes),
    },
    Entry {
        names: &[("volumes", Origin::Docker)],
        kind: Kind::Block(&VOLUMES),
        default: Default::Unset("enabled; disabled under strict"),
        description: "Which host paths jobs may mount. Allocation paths are always allowed.",
        read: |value, config| value.block(VOLUMES, config),
    },
];

/// `security`, which decides what the others are where they are left out.
pub(super) const SECURITY: Entry<PluginConfig> = Entry {
    names: &[("security", Origin::ThisDriver)],
    kind: Kind::Text,
    default: Default::Value(r#""default""#),
    description: "`strict` changes the defaults, for hosts that several parties share: seccomp is on, and jobs get no \
                  `NET_RAW`, no privileged mode, and no namespaces, devices or paths of the host.",
    read: |value, config| {
        let hint = "must be \"default\" or \"strict\"";
        if value.word(hint, &[("default", false), ("strict", true)])? {
            *config = PluginConfig::strict();
        }
        Ok(())
    },
};

/// The options of `allowed_modes`.
const MODES: &[Entry<AllowedModes>] = &[
    modes(&[("pid", Origin::Docker)], "Allowed values of `pid_mode`.", |value, modes| {
        value.texts().map(|given| modes.pid = given)
    }),
    modes(&[("ipc", Origin::Docker)], "Allowed values of `ipc_mode`.", |value, modes| {
        value.texts().map(|given| modes.ipc = given)
    }),
    modes(
        &[("userns", Origin::Docker)],
        "Allowed values of `userns_mode`. A task that does not set it is in the host's user namespace too.",
        |value, modes| value.texts().map(|given| modes.userns = given),
    ),
    modes(&[("uts", Origin::Docker)], "Allowed values of `uts_mode`.", |value, modes| {
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
        description: "Whether `mounts` may have absolute host paths.",
        read: |value, config| value.flag().map(|given| config.volumes = given),
    },
    Entry {
        names: &[("selinuxlabel", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("none"),
        description: "Refused: SELinux labels are not supported yet.",
        read: |value, _| match value.filled()? {
            None => Ok(()),
            Some(_) => Err(value.refused("SELinux labels are not supported yet; remove it or set \"\"")),
        },
    },
];
