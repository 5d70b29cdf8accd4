//! Names: Nomad's task id and the container id that is derived from the allocation and the task.

use std::fmt;

use linux_host::cgroup::CgroupMode;
use sha2::{Digest, Sha256};

/// Nomad's id of one start of a task (`<alloc>/<task>/<hash>`); never used a second time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(String);

impl TaskId {
    /// Takes the id as Nomad sent it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as Nomad sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a container, its snapshot and its containerd task: valid by containerd's rule
/// (at most 76 characters, alphanumerics joined by single `.`, `_` or `-`; containerd `pkg/identifiers`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(String);

/// containerd's limit for an identifier, in bytes.
const MAX_ID: usize = 76;
/// Hex digits of the hash in a shortened id.
const HASH_LEN: usize = 10;

impl ContainerId {
    /// The container of a task: `<task>-<alloc>` on cgroup v1 and `<alloc>.<task>.scope` on v2, as the Go
    /// driver names them; where that is not a legal id, the task part is cut and a hash of it is added.
    #[must_use]
    pub fn of_task(mode: CgroupMode, alloc_id: &str, task: &str) -> Self {
        let name = |task: &str| match mode {
            CgroupMode::V1 => format!("{task}-{alloc_id}"),
            CgroupMode::V2 => format!("{alloc_id}.{task}.scope"),
        };
        let documented = name(task);
        if is_legal(&documented) {
            return Self(documented);
        }
        let room = MAX_ID.saturating_sub(name("").len() + HASH_LEN + 1);
        let hash = hash_of(&format!("{alloc_id}/{task}"));
        let kept = legal_part(task, room);
        let short = if kept.is_empty() { hash } else { format!("{kept}-{hash}") };
        let id = name(&short);
        if is_legal(&id) { Self(id) } else { Self(hash_of(&id)) }
    }

    /// An id that is known already, from a record of containerd or from a persisted state.
    pub fn existing(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as containerd knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hash_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..HASH_LEN].to_owned()
}

fn is_legal(id: &str) -> bool {
    id.len() <= MAX_ID
        && id
            .split(['.', '_', '-'])
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The alphanumeric parts of a name joined by single dashes, at most `room` bytes.
fn legal_part(name: &str, room: usize) -> String {
    let mut parts = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        if !parts.is_empty() {
            parts.push('-');
        }
        parts.push_str(part);
    }
    parts.truncate(room);
    parts.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALLOC: &str = "3b7b3c9e-2f0e-4c7c-9d55-0a4d7f3f2a11";

    #[test]
    fn a_plain_task_is_named_as_the_go_driver_names_it() {
        assert_eq!(ContainerId::of_task(CgroupMode::V1, ALLOC, "redis").as_str(), format!("redis-{ALLOC}"));
        assert_eq!(
            ContainerId::of_task(CgroupMode::V2, ALLOC, "redis").as_str(),
            format!("{ALLOC}.redis.scope")
        );
    }

    #[test]
    fn names_that_containerd_refuses_are_shortened_with_a_hash() {
        let id = ContainerId::of_task(CgroupMode::V1, ALLOC, "a--b_");
        assert!(id.as_str().starts_with("a-b-"), "{id}");
        assert_ne!(id, ContainerId::of_task(CgroupMode::V1, ALLOC, "a-b"));
        assert_ne!(id, ContainerId::of_task(CgroupMode::V1, ALLOC, "a_-b_"));
    }

    proptest! {
        #[test]
        fn every_task_name_gives_a_legal_id_and_the_same_one_again(task in "\\PC{1,140}", v2 in any::<bool>()) {
            let mode = if v2 { CgroupMode::V2 } else { CgroupMode::V1 };
            let id = ContainerId::of_task(mode, ALLOC, &task);
            prop_assert!(is_legal(id.as_str()), "{}", id);
            prop_assert_eq!(id, ContainerId::of_task(mode, ALLOC, &task));
        }
    }
}
