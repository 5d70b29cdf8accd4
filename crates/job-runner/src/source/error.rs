//! What can be wrong with a job file, always with the file, the line and the line itself.

use crate::source::place::Place;
use nomad_host::ports::PortError;
use std::fmt;
use std::path::PathBuf;

/// A job file, a variable or an input file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JobFileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something on one line of a file.
    #[error("{place}: {problem}\n{}", place.excerpt())]
    At {
        /// The file and the line.
        place: Place,
        /// What is wrong there.
        problem: Box<Problem>,
    },
    /// A value given with `--var` or `NOMAD_VAR_…`.
    #[error("{origin}: {problem}")]
    Input {
        /// How the value was given.
        origin: String,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
    /// `--group` names none of the job's groups, or the job has several and none was named.
    #[error("{}", group_choice(asked.as_deref(), groups))]
    Group {
        /// The name that was asked for.
        asked: Option<String>,
        /// The groups of the job.
        groups: Vec<String>,
    },
    /// A host port could not be had.
    #[error("{place}: port `{label}` cannot be had: {reason}\n{}", place.excerpt())]
    Port {
        /// The `port` block.
        place: Place,
        /// The port's label.
        label: String,
        /// Why.
        reason: PortError,
    },
}

fn group_choice(asked: Option<&str>, groups: &[String]) -> String {
    let names = groups.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match asked {
        Some(asked) => format!("the job has no group `{asked}`, only {names}"),
        None => format!("the job has several groups ({names}): name one with --group"),
    }
}

/// One fault, without its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// The text is not HCL.
    Syntax(String),
    /// A name that nothing defines.
    Undefined {
        /// `variable`, `function` and the like.
        what: &'static str,
        /// The name as it was written.
        name: String,
        /// What to do about it, or empty.
        hint: String,
    },
    /// An attribute or block that does not exist at this place.
    Unknown {
        /// `option` or `block`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The block that it stands in.
        within: String,
        /// A name close to it, or empty.
        hint: String,
    },
    /// Something Nomad knows and `run` does not.
    Unsupported {
        /// The block or option.
        name: String,
        /// One sentence: why, and what works in its place.
        reason: String,
    },
    /// A value of another type.
    Type {
        /// The option.
        name: String,
        /// What it takes.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A value of the right type that is not accepted.
    Value {
        /// The option.
        name: String,
        /// The value as it was written.
        value: String,
        /// What is accepted.
        accepted: String,
    },
    /// A required attribute or block is not there.
    Missing {
        /// Its name.
        name: String,
        /// The block that lacks it.
        within: String,
    },
    /// Something that may stand once only.
    Repeated {
        /// Its name.
        name: String,
        /// The block that has it twice.
        within: String,
    },
    /// An expression that cannot be evaluated.
    Evaluation(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Syntax(message) => write!(f, "not valid HCL: {message}"),
            Problem::Undefined { what, name, hint } => write!(f, "undefined {what} `{name}`{hint}"),
            Problem::Unknown { what, name, within, hint } => {
                write!(f, "unknown {what} `{name}` in {within}{hint}")
            }
            Problem::Unsupported { name, reason } => {
                write!(f, "`{name}` is not supported by `run`: {reason}")
            }
            Problem::Type { name, expected, found } => write!(f, "`{name}` takes {expected}, found {found}"),
            Problem::Value { name, value, accepted } => {
                write!(f, "`{name}` cannot be `{value}`: {accepted}")
            }
            Problem::Missing { name, within } => write!(f, "{within} has no `{name}`"),
            Problem::Repeated { name, within } => write!(f, "{within} has more than one `{name}`"),
            Problem::Evaluation(message) => write!(f, "{message}"),
        }
    }
}

/// Something that is left out and changes nothing that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub place: Place,
    /// One sentence.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}
