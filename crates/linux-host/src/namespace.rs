//! Namespaces that others have made and that a task is to join by their path.

use std::io;
use std::path::{Path, PathBuf};

/// Magic number of the file system of namespaces (`NSFS_MAGIC`, linux/magic.h).
const NSFS: u64 = 0x6e73_6673;

/// Why a namespace cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The path cannot be looked at.
    #[error("{path} cannot be looked at")]
    Unreachable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It names something else; whoever made the namespace has removed it, or it was never mounted there.
    #[error("{path} is no namespace")]
    Other {
        /// The path.
        path: PathBuf,
    },
}

/// Checks that the path leads to a namespace (setns(2), `/proc/<pid>/ns` or a bind mount of it).
///
/// # Errors
/// There is nothing, or something else.
pub fn check(path: &Path) -> Result<(), NamespaceError> {
    let found = rustix::fs::statfs(path)
        .map_err(|errno| NamespaceError::Unreachable { path: path.to_owned(), source: errno.into() })?;
    match u64::try_from(found.f_type) {
        Ok(NSFS) => Ok(()),
        _ => Err(NamespaceError::Other { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_told_from_a_file_and_from_nothing() {
        check(Path::new("/proc/self/ns/net")).unwrap();
        let file = check(Path::new("/proc/self/status")).unwrap_err();
        assert_eq!(file.to_string(), "/proc/self/status is no namespace");
        assert!(matches!(check(Path::new("/no/such")), Err(NamespaceError::Unreachable { .. })));
    }
}
