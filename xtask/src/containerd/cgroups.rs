//! The cgroup hierarchies of this host, and the directories that namespaces of containerd leave in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::files;

const TOP: &str = "/sys/fs/cgroup";

/// The roots of the hierarchies: one on cgroup v2, one per controller on v1.
pub(crate) fn hierarchies() -> Vec<PathBuf> {
    let top = Path::new(TOP);
    if top.join("cgroup.controllers").is_file() {
        return vec![top.to_owned()];
    }
    let mut found = files::entries(top).unwrap_or_default();
    found.retain(|path| path.is_dir() && !path.is_symlink());
    found
}

/// The directories at the top of every hierarchy.
pub(crate) struct Tops(BTreeSet<PathBuf>);

impl Tops {
    /// Those of now.
    pub(crate) fn now() -> Self {
        let children = hierarchies().into_iter().flat_map(|root| files::entries(&root).unwrap_or_default());
        Self(children.filter(|path| path.is_dir()).collect())
    }

    /// Removes those that came since and are named like one of the namespaces. runc makes them and leaves
    /// them; one that is in use stays, since the kernel removes only what is empty.
    pub(crate) fn remove_new(&self, namespaces: &[String]) {
        for cgroup in Self::now().0.difference(&self.0) {
            if namespaces.contains(&files::name(cgroup)) {
                let _ = std::fs::remove_dir(cgroup);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hierarchy_lists_its_own_processes() {
        let found = hierarchies();
        assert!(!found.is_empty(), "no cgroup file system is mounted");
        assert!(found.iter().all(|root| root.join("cgroup.procs").is_file()), "{found:?}");
    }
}
