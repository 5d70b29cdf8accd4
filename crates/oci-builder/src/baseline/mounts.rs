//! The kernel's file systems and the temporary ones that every container has.

use std::path::PathBuf;

use oci_spec::runtime::Mount;

use crate::Access;

struct Entry {
    destination: &'static str,
    kind: &'static str,
    source: &'static str,
    options: &'static [&'static str],
}

const MOUNTS: [Entry; 7] = [
    Entry { destination: "/proc", kind: "proc", source: "proc", options: &["nosuid", "noexec", "nodev"] },
    Entry {
        destination: "/dev",
        kind: "tmpfs",
        source: "tmpfs",
        options: &["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    Entry {
        destination: "/dev/pts",
        kind: "devpts",
        source: "devpts",
        options: &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    Entry {
        destination: "/dev/shm",
        kind: "tmpfs",
        source: "shm",
        options: &["nosuid", "noexec", "nodev", "mode=1777"],
    },
    Entry {
        destination: "/dev/mqueue",
        kind: "mqueue",
        source: "mqueue",
        options: &["nosuid", "noexec", "nodev"],
    },
    Entry {
        destination: "/sys",
        kind: "sysfs",
        source: "sysfs",
        options: &["nosuid", "noexec", "nodev", "ro"],
    },
    Entry {
        destination: "/sys/fs/cgroup",
        kind: "cgroup",
        source: "cgroup",
        options: &["nosuid", "noexec", "nodev", "relatime", "ro"],
    },
];

/// With a read-only root programs still need a place for sockets and pid files. It begins as a copy of the image's.
const RUN: Entry = Entry {
    destination: "/run",
    kind: "tmpfs",
    source: "tmpfs",
    options: &["nosuid", "strictatime", "mode=755", "size=65536k", "tmpcopyup"],
};

/// The baseline's mounts, parents before children.
pub(crate) fn mounts(root: Access) -> Vec<Mount> {
    let run = (root == Access::ReadOnly).then_some(&RUN);
    MOUNTS.iter().chain(run).map(Entry::to_mount).collect()
}

impl Entry {
    fn to_mount(&self) -> Mount {
        let mut mount = Mount::default();
        mount
            .set_destination(PathBuf::from(self.destination))
            .set_typ(Some(self.kind.to_owned()))
            .set_source(Some(PathBuf::from(self.source)))
            .set_options(Some(self.options.iter().map(|&option| option.to_owned()).collect()));
        mount
    }
}
