//! `cap_add` and `cap_drop`, within what the operator allows.

use oci_builder::{CapabilityRequest, CapabilitySet, Privilege};

use super::rules::Rules;
use crate::refusal::Refusal;
use crate::request::options::TaskOptions;

/// The capabilities of the task's processes. What the operator does not allow is taken from the usual set, and
/// refused where `cap_add` asks for it; a privileged task has its own switch.
pub(super) fn grant(
    options: &TaskOptions,
    privilege: Privilege,
    rules: Rules<'_>,
) -> Result<CapabilitySet, Refusal> {
    let Rules { host, allow_caps, .. } = rules;
    let request = CapabilityRequest { privilege, add: &options.cap_add, drop: &options.cap_drop };
    let resolved = request.resolve(host.bounding)?;
    if privilege == Privilege::Privileged {
        return Ok(resolved);
    }
    let asked = CapabilitySet::from_names("cap_add", &options.cap_add)?.intersection(host.bounding);
    let denied = asked.difference(allow_caps).intersection(resolved);
    if denied.is_empty() {
        return Ok(resolved.intersection(allow_caps));
    }
    let accepted = format!(
        "driver does not allow the following capabilities: {denied} (accepted: those of allow_caps, {allow_caps})"
    );
    Err(Refusal::new("cap_add", options.cap_add.join(", "), accepted))
}
