//! The network namespace (`linux.namespaces`, type network).

use std::path::PathBuf;

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};

use crate::{BuildError, check, namespace_entry};

/// Which network namespace a container is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkNamespace {
    /// The namespace of the runtime, which is the host's.
    Host,
    /// A new namespace with only a loopback interface.
    New,
    /// An existing namespace, named by an absolute path.
    Path(PathBuf),
}

/// The entry for the spec; sharing the host's means having none.
pub(crate) fn namespace(network: NetworkNamespace) -> Result<Option<LinuxNamespace>, BuildError> {
    match network {
        NetworkNamespace::Host => Ok(None),
        NetworkNamespace::New => Ok(Some(namespace_entry::namespace(LinuxNamespaceType::Network, None))),
        NetworkNamespace::Path(path) => {
            check::absolute_path("network namespace", &path)?;
            Ok(Some(namespace_entry::namespace(LinuxNamespaceType::Network, Some(path))))
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::NetworkNamespace;
    use crate::testing::{check, refused};

    #[test]
    fn the_host_network_is_the_absence_of_a_namespace_and_changes_nothing_else() {
        check(
            |plan| plan.network = NetworkNamespace::Host,
            expect![[r#"
                - linux.namespaces.4: {"type":"network"}
                - linux.sysctl: {"net.ipv4.ip_unprivileged_port_start":"0"}
            "#]],
        );
    }

    #[test]
    fn a_path_is_joined() {
        check(
            |plan| plan.network = NetworkNamespace::Path("/run/netns/group".into()),
            expect![[r#"
                + linux.namespaces.4.path: "/run/netns/group"
            "#]],
        );
    }

    #[test]
    fn a_relative_path_is_refused() {
        refused(
            |plan| plan.network = NetworkNamespace::Path("group".into()),
            expect![[r#"network namespace must be an absolute path without "..", not "group""#]],
        );
    }
}
