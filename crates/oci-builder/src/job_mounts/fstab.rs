//! The words of mount(8) that a runtime takes.

use crate::{Access, Propagation};

/// Words that set or clear a flag of any mount, passed on as they are.
const FLAGS: [&str; 20] = [
    "async",
    "atime",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "relatime",
    "strictatime",
    "suid",
    "sync",
];

/// What the words read so far say.
pub(super) struct Words {
    pub(super) access: Access,
    pub(super) propagation: Propagation,
    pub(super) recursive: bool,
    pub(super) flags: Vec<String>,
}

impl Words {
    pub(super) fn new(access: Access) -> Self {
        Self { access, propagation: Propagation::Private, recursive: true, flags: Vec::new() }
    }

    /// Takes a word that every mount can have, or says that it is none.
    pub(super) fn take(&mut self, word: &str) -> bool {
        match word {
            "defaults" => {}
            "ro" => self.access = Access::ReadOnly,
            "rw" => self.access = Access::ReadWrite,
            flag if FLAGS.contains(&flag) => self.flags.push(flag.to_owned()),
            _ => return false,
        }
        true
    }

    /// Takes a word of a bind mount, or says that it is none.
    pub(super) fn take_bind(&mut self, word: &str) -> bool {
        match (word, propagation(word)) {
            (_, Some(propagation)) => self.propagation = propagation,
            ("bind", _) => self.recursive = false,
            ("rbind", _) => self.recursive = true,
            ("rro", _) => {
                self.access = Access::ReadOnly;
                self.flags.push("rro".to_owned());
            }
            _ => return self.take(word),
        }
        true
    }
}

/// The propagation that a word means. Words with and without `r` are one: they differ only for mounts beneath the
/// source, and a container has no use for a mixture.
pub(super) fn propagation(word: &str) -> Option<Propagation> {
    match word {
        "private" | "rprivate" => Some(Propagation::Private),
        "slave" | "rslave" => Some(Propagation::HostToTask),
        "shared" | "rshared" => Some(Propagation::Bidirectional),
        _ => None,
    }
}

/// What every mount can have, for an error's text.
pub(super) fn accepted() -> String {
    format!("ro, rw, defaults, {}", FLAGS.join(", "))
}

pub(super) fn accepted_of_bind() -> String {
    format!("rbind, bind, rro, private, rprivate, slave, rslave, shared, rshared, {}", accepted())
}
