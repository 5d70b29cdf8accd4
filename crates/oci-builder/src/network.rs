//! The network namespace (`linux.namespaces`, type network).

use std::path::PathBuf;

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
