//! The options of the plugin: the operator's `plugin "containerd-driver" { config { … } }`.

mod daemon;
mod gates;
mod leftovers;

use driver_core::PluginConfig;

use super::block::Configuration;
use super::entry::Entry;
use super::error::OptionError;

/// All of them, in groups.
pub const OPTIONS: &[&[Entry<PluginConfig>]] = &[daemon::OPTIONS, gates::OPTIONS, leftovers::OPTIONS];

/// Decodes the plugin's configuration, cty msgpack as clients send it; an absent block is an empty one.
///
/// # Errors
/// [`OptionError`] for the first option that cannot be taken.
pub fn decode(bytes: &[u8]) -> Result<PluginConfig, OptionError> {
    let configuration = Configuration::decode(bytes)?;
    let mut config = PluginConfig::default();
    configuration.read(&[&[gates::SECURITY]], &mut config)?;
    configuration.read(OPTIONS, &mut config)?;
    Ok(config)
}

#[cfg(test)]
mod tests;
