//! When a rule of a profile counts.

use serde::Deserialize;

use super::{KernelVersion, KernelVersionError, SeccompHost};
use crate::{CapabilityError, CapabilitySet};

/// A rule's `includes` or `excludes`; what is not named asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Filter")]
pub(super) struct Condition {
    capabilities: CapabilitySet,
    architectures: Vec<String>,
    min_kernel: Option<KernelVersion>,
}

/// The condition as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a condition with caps, arches or minKernel")]
struct Filter {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// A condition that can not be held against anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConditionError {
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    #[error(transparent)]
    Kernel(#[from] KernelVersionError),
}

impl TryFrom<Filter> for Condition {
    type Error = ConditionError;

    fn try_from(filter: Filter) -> Result<Self, Self::Error> {
        let Filter { caps, arches, min_kernel } = filter;
        let min_kernel = min_kernel.filter(|text| !text.is_empty());
        Ok(Self {
            capabilities: CapabilitySet::from_names("caps", &caps.unwrap_or_default())?,
            architectures: arches.unwrap_or_default(),
            min_kernel: min_kernel.map(|text| KernelVersion::from_profile(&text)).transpose()?,
        })
    }
}

impl Condition {
    /// As `includes`: everything that is named must be there.
    pub(super) fn lets_in(&self, host: SeccompHost, capabilities: CapabilitySet) -> bool {
        self.capabilities.is_subset(capabilities)
            && (self.architectures.is_empty() || self.names(host))
            && self.min_kernel.is_none_or(|least| host.kernel >= least)
    }

    /// As `excludes`: one thing that is named is enough.
    pub(super) fn keeps_out(&self, host: SeccompHost, capabilities: CapabilitySet) -> bool {
        !self.capabilities.intersection(capabilities).is_empty()
            || self.names(host)
            || self.min_kernel.is_some_and(|least| host.kernel >= least)
    }

    fn names(&self, host: SeccompHost) -> bool {
        self.architectures.iter().any(|name| name == host.architecture.name())
    }
}
