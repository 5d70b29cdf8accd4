//! Entry points of the fuzz targets (`tests/fuzz`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use oci_builder::CapabilitySet;

use crate::admission::{self, Rules};
use crate::node::host::Host;
use crate::refusal::Refusal;
use crate::request::config::PluginConfig;
use crate::request::task::TaskSpec;

/// Holds a task against a configuration, as a start does before it looks at the host.
///
/// # Errors
/// The first refusal.
pub fn admit(spec: &TaskSpec, config: &PluginConfig) -> Result<(), Refusal> {
    static HOST: LazyLock<Host> = LazyLock::new(Host::read);
    let allow_caps = CapabilitySet::from_names("allow_caps", &config.allow_caps)?;
    admission::check(spec, Rules { config, host: *HOST, allow_caps }).map(drop)
}

/// The labels in a file of a task's directory.
pub fn labels(text: &[u8]) -> BTreeMap<String, String> {
    crate::node::state_dir::read_labels(text)
}
