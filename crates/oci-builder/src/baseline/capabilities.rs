//! The capabilities of an unprivileged container.

use oci_spec::runtime::{Capabilities, Capability, LinuxCapabilities};

/// The 14 capabilities that containerd and Docker give by default.
pub(crate) const DEFAULT: [Capability; 14] = [
    Capability::AuditWrite,
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Mknod,
    Capability::NetBindService,
    Capability::NetRaw,
    Capability::Setfcap,
    Capability::Setgid,
    Capability::Setpcap,
    Capability::Setuid,
    Capability::SysChroot,
];

/// The default set as bounding, permitted and effective set. The inheritable and ambient sets stay empty, so that
/// a process that drops root keeps nothing.
pub(crate) fn unprivileged() -> LinuxCapabilities {
    let set: Capabilities = DEFAULT.into_iter().collect();
    let mut capabilities = LinuxCapabilities::default();
    capabilities
        .set_bounding(Some(set.clone()))
        .set_permitted(Some(set.clone()))
        .set_effective(Some(set))
        .set_inheritable(None)
        .set_ambient(None);
    capabilities
}
