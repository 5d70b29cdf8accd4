//! Why a configuration cannot be taken.

use nomad_proto::cty::DecodeError;

/// Why a configuration cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// The bytes are no configuration.
    #[error("the configuration cannot be decoded")]
    Decode(#[from] DecodeError),
    /// The configuration is no map of options.
    #[error("the configuration is {found} instead of a map of options")]
    Shape {
        /// What it is.
        found: &'static str,
    },
    /// An option that must be set is not.
    #[error("{option} is required: {hint}")]
    Missing {
        /// The option's name, after those of its blocks.
        option: String,
        /// What it takes.
        hint: &'static str,
    },
    /// An option with a value that it does not take.
    #[error("{option} = {value}: {hint}")]
    Value {
        /// The option's name, after those of its blocks.
        option: String,
        /// The value: texts in quotes, collections by their kind.
        value: String,
        /// What it must be, or what to write instead.
        hint: &'static str,
    },
    /// An option that has another value under another of its names.
    #[error("{option} = {value}: {names} are names of one option; set only one of them")]
    Twice {
        /// The name with the value that differs, after those of its blocks.
        option: String,
        /// That value.
        value: String,
        /// All names of the option.
        names: String,
    },
}
