//! The capabilities of an unprivileged container.

use oci_spec::runtime::Capability;

use crate::CapabilitySet;

/// The 14 capabilities that containerd and Docker give by default.
pub(crate) const DEFAULT: CapabilitySet = CapabilitySet::of(&[
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
]);
