//! What is given beside the job file.

use crate::jobfile::node::NodeFacts;
use std::fmt;
use std::path::PathBuf;

/// The prefix of environment variables that set a job's variables.
const ENV_PREFIX: &str = "NOMAD_VAR_";

/// The choices of whoever runs the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The group to run; may be left out when the job has one.
    pub group: Option<String>,
    /// Values of variables, weakest first.
    pub variables: Vec<VariableInput>,
    /// The only driver whose tasks can be run.
    pub driver: String,
    /// The allocation's id.
    pub alloc_id: String,
    /// This machine.
    pub node: NodeFacts,
}

/// One source of values.
#[derive(Clone, PartialEq, Eq)]
pub enum VariableInput {
    /// From the environment.
    Environment {
        /// The variable's name, without the prefix.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file with `name = value` lines.
    File(PathBuf),
    /// From the command line.
    Argument {
        /// The variable's name.
        name: String,
        /// Its value.
        value: String,
    },
}

impl fmt::Debug for VariableInput {
    /// Without the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { name, .. } => write!(f, "{ENV_PREFIX}{name}"),
            Self::File(path) => write!(f, "--var-file {}", path.display()),
            Self::Argument { name, .. } => write!(f, "--var {name}"),
        }
    }
}

impl VariableInput {
    /// The variables that an environment sets, sorted by name.
    pub fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Vec<Self> {
        let mut found: Vec<(String, String)> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(ENV_PREFIX)?.to_owned(), value)))
            .collect();
        found.sort();
        found.into_iter().map(|(name, value)| Self::Environment { name, value }).collect()
    }

    /// An argument in the form `name=value`.
    pub fn from_argument(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        Some(Self::Argument { name: name.trim().to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_is_set_to_is_not_in_its_debug() {
        let mut inputs = VariableInput::from_environment([("NOMAD_VAR_a".to_owned(), "hidden".to_owned())]);
        inputs.extend(VariableInput::from_argument("b=hidden"));
        assert_eq!(format!("{inputs:?}"), "[NOMAD_VAR_a, --var b]");
    }
}
