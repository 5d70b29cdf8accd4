//! What can be wrong with a configuration body, or with the schema it is held against.

use super::convert::Mismatch;
use super::types::SyntaxError;

/// Why a body does not fit its schema. `key` is the path of the option from the body's root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A key that the schema does not have.
    #[error("unknown option {key:?}; {hint}")]
    UnknownKey {
        /// The path of the key.
        key: String,
        /// The nearest known key, or all of them.
        hint: String,
    },
    /// A required option is not there.
    #[error("the option {key:?} is required")]
    Missing {
        /// The path of the option.
        key: String,
    },
    /// A value of another type.
    #[error("the option \"{key}{}\" is {}, but must be {}", .mismatch.path, .mismatch.found, .mismatch.expected)]
    Type {
        /// The path of the option.
        key: String,
        /// Where inside it, what was found and what is accepted.
        mismatch: Mismatch,
    },
    /// Something other than blocks where blocks are expected.
    #[error("the option {key:?} is {found}, but must be a block")]
    NoBlock {
        /// The path of the block.
        key: String,
        /// The kind of the value: the value itself may be a secret.
        found: String,
    },
    /// More or fewer blocks than the schema allows.
    #[error("the block {key:?} appears {found} times, but must appear {expected}")]
    Count {
        /// The path of the block.
        key: String,
        /// How many there are.
        found: usize,
        /// The accepted numbers, in words.
        expected: String,
    },
    /// The schema itself is broken: a spec without its parts, or nested too deep.
    #[error("the plugin's schema is broken at {key:?}: {reason}")]
    Schema {
        /// The path at which it is.
        key: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A type or constant of the schema cannot be read.
    #[error("the plugin's schema is broken at {key:?}")]
    SchemaText {
        /// The path at which it is.
        key: String,
        /// What could not be read.
        #[source]
        source: SyntaxError,
    },
}
