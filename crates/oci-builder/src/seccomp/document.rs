//! A profile as it is written: docker's form (`archMap`, `includes`, `excludes`), of which the runtime spec's plain
//! form is a part.

use std::path::PathBuf;

use oci_spec::runtime::{Arch, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag, LinuxSyscall};
use serde::Deserialize;

use super::condition::Condition;

/// The largest profile that is read, in bytes; docker's default one has 14 000.
pub(super) const LARGEST: usize = 1024 * 1024;
/// System calls have at most six arguments (syscall(2)).
const ARGUMENTS: usize = 6;

/// A profile that cannot be used. A job may name any file as its profile, so no error quotes what is in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The document is larger than any profile has reason to be.
    #[error("the seccomp profile has {bytes} bytes; it must have at most {LARGEST}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The document is not JSON, or not a profile.
    #[error("it is not a seccomp profile (line {line}, column {column})")]
    Document {
        /// The line from 1.
        line: usize,
        /// The byte in the line from 1, at or behind what is wrong.
        column: usize,
    },
    /// The profile names its architectures twice.
    #[error("the seccomp profile has both architectures and archMap; remove one of them")]
    Architectures,
    /// A rule that no filter can have.
    #[error("syscalls[{place}] of the seccomp profile {fault}")]
    Rule {
        /// The rule's place in the list, from 0.
        place: usize,
        /// What is wrong with it, and what it must be.
        fault: RuleFault,
    },
}

/// What is wrong with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// `name` and `names` are both set.
    #[error("has both name and names; remove one of them")]
    TwoNames,
    /// A name that no system call has.
    #[error("has a name that is no system call's; names have lower-case letters, digits and _")]
    Name,
    /// An argument that no system call has.
    #[error("looks at an argument that system calls do not have; index must be 0 to 5")]
    Argument,
}

/// The document's members. Members that are not named here mean nothing to a filter, as in docker.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a seccomp profile")]
pub(super) struct Document {
    pub(super) default_action: LinuxSeccompAction,
    pub(super) default_errno_ret: Option<u32>,
    pub(super) architectures: Option<Vec<Arch>>,
    pub(super) arch_map: Option<Vec<ArchEntry>>,
    pub(super) flags: Option<Vec<LinuxSeccompFilterFlag>>,
    pub(super) listener_path: Option<PathBuf>,
    pub(super) listener_metadata: Option<String>,
    pub(super) syscalls: Option<Vec<RuleText>>,
}

/// The architectures that a filter has on one of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an architecture with its subArchitectures")]
pub(super) struct ArchEntry {
    pub(super) architecture: Arch,
    pub(super) sub_architectures: Option<Vec<Arch>>,
}

/// What happens to some system calls, and when this counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) syscall: LinuxSyscall,
    pub(super) includes: Condition,
    pub(super) excludes: Condition,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a rule with names and an action")]
pub(super) struct RuleText {
    name: Option<String>,
    names: Option<Vec<String>>,
    action: LinuxSeccompAction,
    errno_ret: Option<u32>,
    args: Option<Vec<LinuxSeccompArg>>,
    includes: Option<Condition>,
    excludes: Option<Condition>,
}

impl TryFrom<RuleText> for Rule {
    type Error = RuleFault;

    fn try_from(text: RuleText) -> Result<Self, Self::Error> {
        let RuleText { name, names, action, errno_ret, args, includes, excludes } = text;
        let names = match (name.filter(|name| !name.is_empty()), names.unwrap_or_default()) {
            (None, names) => names,
            (Some(name), names) if names.is_empty() => vec![name],
            (Some(_), _) => return Err(RuleFault::TwoNames),
        };
        let is_name = |name: &String| {
            let mut bytes = name.bytes();
            !name.is_empty() && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !names.iter().all(is_name) {
            return Err(RuleFault::Name);
        }
        let args = args.filter(|args| !args.is_empty());
        if args.iter().flatten().any(|arg| arg.index() >= ARGUMENTS) {
            return Err(RuleFault::Argument);
        }
        let mut syscall = LinuxSyscall::default();
        syscall.set_names(names).set_action(action).set_errno_ret(errno_ret).set_args(args);
        let (includes, excludes) = (includes.unwrap_or_default(), excludes.unwrap_or_default());
        Ok(Self { syscall, includes, excludes })
    }
}

impl Document {
    /// Reads a document of bounded size.
    pub(super) fn read(json: &[u8]) -> Result<Self, ProfileError> {
        if json.len() > LARGEST {
            return Err(ProfileError::TooLarge { bytes: json.len() });
        }
        serde_json::from_slice(json)
            .map_err(|source| ProfileError::Document { line: source.line(), column: source.column() })
    }
}
