//! What a host can give to tasks, read once for a configuration.

use linux_host::cgroup::{CgroupMounts, Controllers};
use linux_host::id_list::IdList;
use linux_host::{cpu, limits};
use oci_builder::CapabilitySet;
use oci_builder::seccomp::KernelVersion;

use crate::error::DriverError;

/// The facts of a host that jobs are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host {
    /// The capabilities that a process can have here at all.
    pub(crate) bounding: CapabilitySet,
    /// The highest limit of open files that a process can be given.
    pub(crate) open_files: u64,
    /// The running kernel, as seccomp profiles ask for it.
    pub(crate) kernel: KernelVersion,
}

impl Host {
    /// Asks the kernel. A capability that this version does not know is nobody's.
    pub(crate) fn read() -> Self {
        let names = limits::bounding_capabilities();
        let bounding = CapabilitySet::from_names("bounding set", &names).unwrap_or_else(|error| {
            tracing::warn!(%error, "the bounding set can not be read; the usual capabilities are taken for it");
            CapabilitySet::DEFAULT
        });
        Self { bounding, open_files: limits::open_files_ceiling(), kernel: kernel() }
    }
}

/// What the host has for limits now; CPUs come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Available {
    pub(crate) controllers: Controllers,
    pub(crate) cpus: IdList,
    pub(crate) memory_nodes: IdList,
}

/// What there is for limits at this moment. Blocking.
pub(crate) fn available(cgroups: &CgroupMounts) -> Result<Available, DriverError> {
    let cpus = |error: cpu::CpuError| DriverError::host("the host's CPUs can not be listed")(error.into());
    let controllers = cgroups.controllers().map_err(|error| {
        DriverError::host("the host's cgroup controllers can not be listed")(error.into())
    })?;
    Ok(Available {
        controllers,
        cpus: cpu::online().map_err(cpus)?,
        memory_nodes: cpu::memory_nodes().map_err(cpus)?,
    })
}

/// The kernel's version; one that can not be read is the oldest, for which a profile allows the least.
fn kernel() -> KernelVersion {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    KernelVersion::from_release(release.trim()).unwrap_or_else(|error| {
        tracing::warn!(%error, "seccomp profiles are applied as on the oldest kernel");
        KernelVersion { major: 0, minor: 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_of_the_host_is_known_by_its_name() {
        let names = limits::bounding_capabilities();
        assert_eq!(Host::read().bounding.iter().count(), names.len());
        assert!(!names.is_empty());
    }
}
