//! The operator's switches over what a job may ask for.

use oci_builder::Privilege;

use super::Refusal;
use crate::config::PluginConfig;
use crate::options::TaskOptions;

/// `privileged`, where the operator allows it.
pub(super) fn privilege(options: &TaskOptions, config: &PluginConfig) -> Result<Privilege, Refusal> {
    match (options.privileged, config.allow_privileged) {
        (false, _) => Ok(Privilege::Confined),
        (true, true) => Ok(Privilege::Privileged),
        (true, false) => Err(Refusal::new(
            "privileged",
            "true",
            "Running privileged jobs are not allowed on this node; leave privileged out, or have its operator \
             set allow_privileged = true",
        )),
    }
}
