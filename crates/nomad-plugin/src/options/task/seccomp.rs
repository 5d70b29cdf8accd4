//! The filter of a task's system calls.

use driver_core::request::options::TaskOptions;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("seccomp", Origin::GoDriver)],
        kind: Kind::Flag,
        default: Default::Unset("`false`; `true` under strict"),
        description: "Filters system calls with docker's default seccomp profile.",
        read: |value, options| value.flag().map(|given| options.seccomp = Some(given)),
    },
    Entry {
        names: &[("seccomp_profile", Origin::GoDriver)],
        kind: Kind::HostPath,
        default: Default::Unset("the default profile"),
        description: "A seccomp profile on the host, in docker's or the OCI runtime spec's format. Needs `seccomp = true`.",
        read: |value, options| value.text().map(|given| options.seccomp_profile = given),
    },
];
