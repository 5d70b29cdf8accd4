//! Namespaces (`linux.namespaces`).

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};

use crate::{BuildError, CgroupMode, NamespaceMode, NetworkNamespace, cgroup, namespace_entry, network};

pub(crate) fn namespaces(
    [pid, ipc, uts]: [NamespaceMode; 3],
    network: NetworkNamespace,
    cgroup_mode: CgroupMode,
) -> Result<Vec<LinuxNamespace>, BuildError> {
    let mut namespaces: Vec<LinuxNamespace> = pid
        .namespace(LinuxNamespaceType::Pid)
        .into_iter()
        .chain(ipc.namespace(LinuxNamespaceType::Ipc))
        .chain(uts.namespace(LinuxNamespaceType::Uts))
        .collect();
    namespaces.push(namespace_entry::namespace(LinuxNamespaceType::Mount, None));
    namespaces.extend(network::namespace(network)?);
    if cgroup::has_namespace(cgroup_mode) {
        namespaces.push(namespace_entry::namespace(LinuxNamespaceType::Cgroup, None));
    }
    Ok(namespaces)
}
