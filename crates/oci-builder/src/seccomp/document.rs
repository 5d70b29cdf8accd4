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

/// A profile that can not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The document is larger than any profile has reason to be.
    #[error("the seccomp profile has {bytes} bytes (accepted: up to {LARGEST})")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The document is not JSON, or not a profile.
    #[error("the seccomp profile is wrong at line {line}, column {column}")]
    Document {
        /// The line from 1.
        line: usize,
        /// The byte in the line from 1, at or behind what is wrong.
        column: usize,
        /// What is wrong, and what would be accepted.
        #[source]
        source: serde_json::Error,
    },
    /// The profile names its architectures twice.
    #[error("the seccomp profile has both architectures and archMap (accepted: one of them)")]
    Architectures,
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
    pub(super) syscalls: Option<Vec<Rule>>,
}

/// The architectures that a filter has on one of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an architecture with its subArchitectures")]
pub(super) struct ArchEntry {
    pub(super) architecture: Arch,
    pub(super) sub_architectures: Option<Vec<Arch>>,
}

/// What happens to some system calls, and when this counts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RuleText")]
pub(super) struct Rule {
    pub(super) syscall: LinuxSyscall,
    pub(super) includes: Condition,
    pub(super) excludes: Condition,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a rule with names and an action")]
struct RuleText {
    name: Option<String>,
    names: Option<Vec<String>>,
    action: LinuxSeccompAction,
    errno_ret: Option<u32>,
    args: Option<Vec<LinuxSeccompArg>>,
    includes: Option<Condition>,
    excludes: Option<Condition>,
}

/// A rule that no filter can have.
#[derive(Debug, thiserror::Error)]
enum RuleError {
    #[error("the rule of {0:?} has both name and names (accepted: one of them)")]
    TwoNames(String),
    #[error("{0:?} is not the name of a system call")]
    Name(String),
    #[error("the rule of {0:?} looks at argument {1} (accepted: an index of 0 to 5)")]
    Argument(String, usize),
}

impl TryFrom<RuleText> for Rule {
    type Error = RuleError;

    fn try_from(text: RuleText) -> Result<Self, Self::Error> {
        let RuleText { name, names, action, errno_ret, args, includes, excludes } = text;
        let names = match (name.filter(|name| !name.is_empty()), names.unwrap_or_default()) {
            (None, names) => names,
            (Some(name), names) if names.is_empty() => vec![name],
            (Some(name), _) => return Err(RuleError::TwoNames(name)),
        };
        let is_name = |name: &String| {
            let mut bytes = name.bytes();
            !name.is_empty() && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if let Some(name) = names.iter().find(|name| !is_name(name)) {
            return Err(RuleError::Name(name.clone()));
        }
        let args = args.filter(|args| !args.is_empty());
        if let Some(arg) = args.iter().flatten().find(|arg| arg.index() >= ARGUMENTS) {
            return Err(RuleError::Argument(names.join(", "), arg.index()));
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
        serde_json::from_slice(json).map_err(|source| ProfileError::Document {
            line: source.line(),
            column: source.column(),
            source,
        })
    }
}
