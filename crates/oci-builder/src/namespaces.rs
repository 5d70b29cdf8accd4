//! Namespaces (`linux.namespaces`).

use std::path::PathBuf;

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};

use crate::{BuildError, CgroupMode, NamespaceMode, NetworkNamespace, cgroup, network};

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
    namespaces.push(namespace(LinuxNamespaceType::Mount, None));
    namespaces.extend(network::namespace(network)?);
    if cgroup::has_namespace(cgroup_mode) {
        namespaces.push(namespace(LinuxNamespaceType::Cgroup, None));
    }
    Ok(namespaces)
}

pub(crate) fn namespace(kind: LinuxNamespaceType, path: Option<PathBuf>) -> LinuxNamespace {
    let mut namespace = LinuxNamespace::default();
    namespace.set_typ(kind).set_path(path);
    namespace
}
