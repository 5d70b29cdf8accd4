//! `seccomp` and `seccomp_profile` (`linux.seccomp`): which system calls a container can make.
//!
//! A [`Profile`] is what a file says, read once; [`Seccomp`] is what a plan says. Which of the profile's rules go into
//! the spec depends on the container's capabilities, the architecture and the kernel.

mod condition;
mod document;
mod host;
mod profile;

use std::sync::Arc;

use oci_spec::runtime::LinuxSeccomp;

use crate::CapabilitySet;
pub use document::{ProfileError, RuleFault};
pub use host::{Architecture, KernelVersion, KernelVersionError, SeccompHost};
pub use profile::Profile;

/// What decides which system calls a container can make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seccomp {
    /// No filter.
    Unconfined,
    /// A profile, applied to this host and to the container's capabilities.
    Filter {
        /// The profile; [`Profile::shipped`] where the job names none.
        profile: Arc<Profile>,
        /// What the rules' conditions are held against.
        host: SeccompHost,
    },
}

impl Seccomp {
    pub(crate) fn into_spec(self, capabilities: CapabilitySet) -> Option<LinuxSeccomp> {
        match self {
            Self::Unconfined => None,
            Self::Filter { profile, host } => Some(profile.evaluate(host, capabilities)),
        }
    }
}

#[cfg(test)]
mod tests;
