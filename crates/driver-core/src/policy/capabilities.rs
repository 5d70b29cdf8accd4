//! `cap_add` and `cap_drop`.

use oci_builder::{CapabilityRequest, CapabilitySet, Privilege};

use super::{Refusal, Rules};
use crate::options::TaskOptions;

/// The capabilities of the task's processes.
pub(super) fn grant(
    options: &TaskOptions,
    privilege: Privilege,
    rules: Rules<'_>,
) -> Result<CapabilitySet, Refusal> {
    let request = CapabilityRequest { privilege, add: &options.cap_add, drop: &options.cap_drop };
    Ok(request.resolve(rules.host.bounding)?)
}
