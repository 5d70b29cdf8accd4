//! The network of a task, and the names that it resolves.

use driver_core::request::options::{NetworkMode, ResolverFile, TaskOptions};

use crate::options::entry::{Default, Entry, Kind, Origin};
use crate::options::error::OptionError;
use crate::options::reader::Reader;

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("host_network", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Unset("`false`"),
        description: "Runs the task in the host's network namespace, with the host's resolv.conf and hosts file.",
        read: |value, options| value.flag().map(|given| options.host_network = given),
    },
    Entry {
        names: &[("network_mode", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("the group's network"),
        description: "`host` means `host_network = true`. `bridge` is allowed if the group has its own network, `none` if it has none.",
        read: network_mode,
    },
    Entry {
        names: &[("hostname", Origin::GoDriver)],
        kind: Kind::Text,
        default: Default::Unset("the group's, else the container's"),
        description: "The host name in the container; it is also added to the hosts file.",
        read: |value, options| value.text().map(|given| options.hostname = given),
    },
    Entry {
        names: &[("host_dns", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "`false` keeps the image's own resolv.conf. A `dns` block overrides both.",
        read: |value, options| {
            options.host_dns = if value.flag()? { ResolverFile::Host } else { ResolverFile::Image };
            Ok(())
        },
    },
    Entry {
        names: &[("extra_hosts", Origin::GoDriver)],
        kind: Kind::Texts,
        default: Default::Unset("none"),
        description: "Additional lines for the hosts file, as `name:address`, with IPv4 or IPv6 addresses.",
        read: |value, options| value.texts().map(|given| options.extra_hosts = given),
    },
];

/// `host` says the same as `host_network`; every other mode names another network.
fn network_mode(value: &Reader<'_>, options: &mut TaskOptions) -> Result<(), OptionError> {
    let hint = "must be \"host\", \"bridge\" or \"none\"; other networks belong in the group's network block";
    let modes = [
        ("host", (true, NetworkMode::Unset)),
        ("bridge", (false, NetworkMode::Bridge)),
        ("none", (false, NetworkMode::None)),
        ("", (false, NetworkMode::Unset)),
    ];
    let (is_host, mode) = value.word(hint, &modes)?;
    let host_network = value.beside("host_network").map(|beside| beside.flag()).transpose()?;
    if is_host && host_network == Some(false) {
        return Err(value.refused("contradicts host_network = false; remove one of the two"));
    }
    options.host_network |= is_host;
    options.network_mode = mode;
    Ok(())
}
