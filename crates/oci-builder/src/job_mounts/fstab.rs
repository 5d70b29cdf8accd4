//! The words of mount(8) that a runtime takes.

use crate::{Access, Propagation};

/// Words that set or clear a flag of any mount, passed on as they are.
const FLAGS: [&str; 27] = [
    "async",
    "atime",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "noiversion",
    "nolazytime",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "relatime",
    "silent",
    "strictatime",
    "suid",
    "symfollow",
    "sync",
];

/// Words that set or clear a flag of a bind and of all that is mounted beneath its source (mount_setattr(2)).
const RECURSIVE: [&str; 16] = [
    "ratime",
    "rdev",
    "rdiratime",
    "rexec",
    "rnoatime",
    "rnodev",
    "rnodiratime",
    "rnoexec",
    "rnorelatime",
    "rnostrictatime",
    "rnosuid",
    "rnosymfollow",
    "rrelatime",
    "rstrictatime",
    "rsuid",
    "rsymfollow",
];

/// Private, and not to be bound anywhere else.
const UNBINDABLE: [&str; 2] = ["unbindable", "runbindable"];

/// The words of an option with commas. No word begins with a digit: there the comma is one of a list, as in
/// `mpol=bind:0,2`.
pub(super) fn split(option: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(option);
    std::iter::from_fn(move || {
        let text = rest?;
        let is_between = |place: &usize| !text[place + 1..].starts_with(|c: char| c.is_ascii_digit());
        let end = text.match_indices(',').map(|(place, _)| place).find(is_between);
        rest = end.map(|end| &text[end + 1..]);
        Some(text[..end.unwrap_or(text.len())].trim())
    })
}

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
            (_, Some(propagation)) => self.spread(propagation),
            ("bind", _) => self.recursive = false,
            ("rbind", _) => self.recursive = true,
            ("rro" | "rrw", _) => {
                self.access = if word == "rro" { Access::ReadOnly } else { Access::ReadWrite };
                self.flags.push(word.to_owned());
            }
            _ if UNBINDABLE.contains(&word) => {
                self.spread(Propagation::Private);
                self.flags.push(word.to_owned());
            }
            _ if RECURSIVE.contains(&word) => self.flags.push(word.to_owned()),
            _ => return self.take(word),
        }
        true
    }

    fn spread(&mut self, propagation: Propagation) {
        self.propagation = propagation;
        self.flags.retain(|flag| !UNBINDABLE.contains(&flag.as_str()));
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
    format!(
        "rbind, bind, rro, rrw, private, rprivate, slave, rslave, shared, rshared, {}, {}, {}",
        UNBINDABLE.join(", "),
        RECURSIVE.join(", "),
        accepted()
    )
}
