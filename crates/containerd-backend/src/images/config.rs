//! The configuration of an image (OCI image spec 1.1, Image Configuration).

use serde::de::MapAccess;

use super::json::{self, Object};
use super::model::{MAX_LAYERS, Manifest, ModelError, Platform, digest_of, read, short};
use super::reference::is_digest;

/// Largest configuration, in bytes. Those of large images have some ten thousand.
pub(crate) const MAX_CONFIG: u64 = 4 << 20;
/// Most entries of a list that a process gets, such as its environment.
const MAX_ENTRIES: usize = 10_000;

/// An image's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageConfig {
    /// What it runs on.
    pub(crate) platform: Platform,
    /// What to run.
    pub(crate) config: RunConfig,
    /// The unpacked layers.
    pub(crate) rootfs: Layers,
}

/// What an image says of its processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunConfig {
    /// User name or number, with an optional group.
    pub(crate) user: String,
    /// `NAME=value`.
    pub(crate) env: Vec<String>,
    /// First words of the command.
    pub(crate) entrypoint: Vec<String>,
    /// Further words, or all of them.
    pub(crate) cmd: Vec<String>,
    /// Directories that are to outlive a container, sorted.
    pub(crate) volumes: Vec<String>,
    /// Working directory.
    pub(crate) working_dir: String,
    /// Signal that asks it to end.
    pub(crate) stop_signal: String,
}

/// Digests of the layers' unpacked archives, lowest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layers {
    /// The digests.
    pub(crate) diff_ids: Vec<String>,
}

impl Object for ImageConfig {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "config" => json::object(&mut self.config, map),
            "rootfs" => json::object(&mut self.rootfs, map),
            _ => self.platform.field(name, map),
        }
    }
}

impl Object for RunConfig {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "user" => json::text(&mut self.user, map),
            "env" => json::texts(&mut self.env, (MAX_ENTRIES, "variables in Env"), map),
            "entrypoint" => json::texts(&mut self.entrypoint, (MAX_ENTRIES, "words in Entrypoint"), map),
            "cmd" => json::texts(&mut self.cmd, (MAX_ENTRIES, "words in Cmd"), map),
            "volumes" => json::keys(&mut self.volumes, (MAX_ENTRIES, "directories in Volumes"), map),
            "workingdir" => json::text(&mut self.working_dir, map),
            "stopsignal" => json::text(&mut self.stop_signal, map),
            _ => Ok(false),
        }
    }
}

impl Object for Layers {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "diff_ids" => json::texts(&mut self.diff_ids, (MAX_LAYERS, "layers in diff_ids"), map),
            _ => Ok(false),
        }
    }
}

impl ImageConfig {
    /// Reads the configuration of a manifest and checks that both tell of the same layers.
    pub(crate) fn parse(manifest: &Manifest, bytes: &[u8]) -> Result<Self, ModelError> {
        let mut config: Self = read("image configuration", &manifest.config.digest, bytes)?;
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            return Err(ModelError::LayerCount { layers, diff_ids });
        }
        if let Some(none) = config.rootfs.diff_ids.iter().find(|diff_id| !is_digest(diff_id)) {
            return Err(ModelError::Digest { what: "an unpacked layer", digest: short(none) });
        }
        config.config.volumes.sort_unstable();
        config.config.volumes.dedup();
        // So are the entry points of base images got rid of.
        if config.config.entrypoint == [""] {
            config.config.entrypoint.clear();
        }
        Ok(config)
    }

    /// The chain id of every layer, lowest first.
    pub(crate) fn chain_ids(&self) -> Vec<String> {
        chain_ids(&self.rootfs.diff_ids)
    }
}

/// Chain ids (OCI image spec, Layer ChainID): each names a layer together with all below it.
fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.clone(),
            Some(parent) => digest_of(format!("{parent} {diff_id}").as_bytes()),
        };
        chain.push(next);
    }
    chain
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
