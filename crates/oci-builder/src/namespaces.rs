//! Namespaces (`linux.namespaces`).

use std::path::PathBuf;

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};

use crate::{BuildError, CgroupMode, NetworkNamespace, PidNamespace, cgroup, network};

pub(crate) fn namespaces(
    pid: PidNamespace,
    network: NetworkNamespace,
    cgroup_mode: CgroupMode,
) -> Result<Vec<LinuxNamespace>, BuildError> {
    let mut namespaces: Vec<LinuxNamespace> = pid.namespace().into_iter().collect();
    namespaces.extend([
        namespace(LinuxNamespaceType::Ipc, None),
        namespace(LinuxNamespaceType::Uts, None),
        namespace(LinuxNamespaceType::Mount, None),
    ]);
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
