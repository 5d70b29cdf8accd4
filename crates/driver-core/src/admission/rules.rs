//! What jobs are held against.

use oci_builder::CapabilitySet;

use crate::node::host::Host;
use crate::request::config::PluginConfig;

/// The operator's configuration and the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) config: &'a PluginConfig,
    pub(crate) host: Host,
    pub(crate) allow_caps: CapabilitySet,
}
