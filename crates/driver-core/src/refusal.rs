//! What a job cannot have, and what it can write instead.

use oci_builder::{
    BuildError, CapabilityError, DeviceRequestError, JobMountError, NamespaceModeError, SizeError,
};

/// A job's wish that is not granted: one sentence with the option, the value and what would be accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An option with a value that it can not have.
    #[error("{option} = {value:?}: {accepted}")]
    Value {
        /// The option as it is spelt in the job file.
        option: &'static str,
        /// The value that is refused.
        value: String,
        /// Why, and what would be accepted.
        accepted: String,
    },
    /// A capability that there is not, or not here.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// A mode of a namespace that there is not.
    #[error(transparent)]
    NamespaceMode(#[from] NamespaceModeError),
    /// A mount that can not be read.
    #[error(transparent)]
    Mount(#[from] JobMountError),
    /// A device that is not named as one.
    #[error(transparent)]
    Device(#[from] DeviceRequestError),
    /// A size that is none.
    #[error("{option}: {reason}")]
    Size {
        /// The option as it is spelt in the job file.
        option: &'static str,
        /// Why, and what would be accepted.
        reason: SizeError,
    },
    /// A value that no container can have.
    #[error(transparent)]
    Container(BuildError),
}

impl Refusal {
    pub(crate) fn new(option: &'static str, value: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self::Value { option, value: value.into(), accepted: accepted.into() }
    }
}

impl From<BuildError> for Refusal {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::CpuList { list } => {
                Self::new("cpuset_cpus", list, "a list of CPUs such as \"0-2,7\" is accepted")
            }
            BuildError::MemoryNodeList { list } => {
                Self::new("cpuset_mems", list, "a list of memory nodes such as \"0-1\" is accepted")
            }
            other => Self::Container(other),
        }
    }
}
