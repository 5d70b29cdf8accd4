//! Capabilities (`process.capabilities`): what a task has, from the usual set and its own `cap_add` and `cap_drop`.

mod set;

use std::str::FromStr;

use oci_spec::runtime::{Capabilities, Capability, LinuxCapabilities};

use crate::{Privilege, baseline};
pub use set::CapabilitySet;

/// A capability that a task can not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// No capability has that name.
    #[error(
        "{option}: {name:?} is not a capability \
         (accepted: \"all\", or a name such as NET_ADMIN in any case, with or without CAP_)"
    )]
    Unknown {
        /// The option that names it.
        option: &'static str,
        /// The name as it was given.
        name: String,
    },
    /// The host does not have what was asked for by name.
    #[error("{option}: this host can not give {missing} (accepted: what is in its bounding set)")]
    Unavailable {
        /// The option that names it.
        option: &'static str,
        /// What is missing.
        missing: CapabilitySet,
    },
}

/// What a task asks for beside the usual capabilities, and without which of them it wants to be.
#[derive(Clone, Copy, Debug)]
pub struct CapabilityRequest<'a> {
    /// A privileged task starts from everything that the host has, not from the usual set.
    pub privilege: Privilege,
    /// `cap_add`: names in any case, with or without `CAP_`, or `all`.
    pub add: &'a [String],
    /// `cap_drop`, in the same form.
    pub drop: &'a [String],
}

/// Names of one option, `all` told apart.
struct Named {
    all: bool,
    set: CapabilitySet,
}

impl CapabilityRequest<'_> {
    /// The capabilities of the task's process on a host with this bounding set.
    ///
    /// As in Docker: with `all` in `add` it is everything but `drop`; with `all` in `drop` it is `add` alone; else
    /// `drop` is taken away first and `add` is added then. Unlike there, a privileged task can drop too. What the
    /// host does not have is left out, but an error where `add` names it.
    ///
    /// # Errors
    /// [`CapabilityError`].
    pub fn resolve(self, bounding: CapabilitySet) -> Result<CapabilitySet, CapabilityError> {
        let Self { privilege, add, drop } = self;
        let (add, drop) = (Named::read("cap_add", add)?, Named::read("cap_drop", drop)?);
        let missing = add.set.difference(bounding);
        if !missing.is_empty() {
            return Err(CapabilityError::Unavailable { option: "cap_add", missing });
        }
        let usual = match privilege {
            Privilege::Confined => baseline::capabilities::DEFAULT,
            Privilege::Privileged => CapabilitySet::ALL,
        };
        let wanted = match (add.all, drop.all) {
            (true, _) => CapabilitySet::ALL.difference(drop.set),
            (false, true) => add.set,
            (false, false) => usual.difference(drop.set).union(add.set),
        };
        Ok(wanted.intersection(bounding))
    }
}

impl CapabilitySet {
    /// What a task has that asks for nothing: the 14 capabilities of containerd and Docker.
    pub const DEFAULT: Self = baseline::capabilities::DEFAULT;

    /// The set that an option's names stand for: any case, with or without `CAP_`; `all` is everything.
    ///
    /// # Errors
    /// [`CapabilityError::Unknown`].
    pub fn from_names<S: AsRef<str>>(option: &'static str, names: &[S]) -> Result<Self, CapabilityError> {
        let Named { all, set } = Named::read(option, names)?;
        Ok(if all { Self::ALL } else { set })
    }
}

impl Named {
    fn read<S: AsRef<str>>(option: &'static str, names: &[S]) -> Result<Self, CapabilityError> {
        let mut named = Self { all: false, set: CapabilitySet::EMPTY };
        for name in names.iter().map(AsRef::as_ref) {
            let upper = name.to_ascii_uppercase();
            let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
            match Capability::from_str(bare) {
                Ok(capability) => named.set = named.set.union(CapabilitySet::of(&[capability])),
                Err(_) if bare == "ALL" => named.all = true,
                Err(_) => return Err(CapabilityError::Unknown { option, name: name.to_owned() }),
            }
        }
        Ok(named)
    }
}

/// The set as bounding, permitted and effective set. The inheritable and ambient sets stay empty, so that a process
/// that drops root keeps nothing.
pub(crate) fn capabilities(set: CapabilitySet) -> LinuxCapabilities {
    let set: Capabilities = set.iter().collect();
    let mut capabilities = LinuxCapabilities::default();
    capabilities
        .set_bounding(Some(set.clone()))
        .set_permitted(Some(set.clone()))
        .set_effective(Some(set))
        .set_inheritable(None)
        .set_ambient(None);
    capabilities
}

#[cfg(test)]
mod tests;
