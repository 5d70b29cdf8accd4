//! Documents of an image as registries and archives have them (OCI image spec 1.1, Docker image manifest v2.2), read
//! leniently: only what is needed.

use std::collections::BTreeMap;

use containerd_client::types;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Docker's manifest list.
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's manifest.
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's image configuration.
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's layer, not compressed.
pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// OCI's index.
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI's manifest.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI's image configuration.
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Beginnings of the media types of layers; what follows names the compression.
const LAYERS: [&str; 4] = [
    DOCKER_LAYER,
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
];

/// A reference to a document or layer by its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub(crate) media_type: String,
    /// Its digest.
    pub(crate) digest: String,
    /// Its size in bytes.
    #[serde(default)]
    pub(crate) size: u64,
    /// What it runs on, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    /// Further facts, such as names in an archive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What a manifest of an index runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Platform {
    /// Processor architecture, in Go's words.
    #[serde(default)]
    pub(crate) architecture: String,
    /// Operating system, in Go's words.
    #[serde(default)]
    pub(crate) os: String,
    /// Level of the architecture, such as `v8` or `v3`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) variant: String,
}

/// An index (manifest list) or a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Document {
    /// Manifests for several platforms.
    Index(Vec<Descriptor>),
    /// One image.
    Manifest(Manifest),
}

/// One image: its configuration and its layers, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The configuration.
    pub(crate) config: Descriptor,
    /// The layers.
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
}

/// An image's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct ImageConfig {
    /// Processor architecture.
    #[serde(default)]
    pub(crate) architecture: String,
    /// Operating system.
    #[serde(default)]
    pub(crate) os: String,
    /// Level of the architecture.
    #[serde(default)]
    pub(crate) variant: String,
    /// What to run.
    #[serde(default)]
    pub(crate) config: Option<RunConfig>,
    /// The unpacked layers.
    #[serde(default)]
    pub(crate) rootfs: Layers,
}

/// What an image says of its processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RunConfig {
    /// User name or number, with an optional group.
    pub(crate) user: Option<String>,
    /// `NAME=value`.
    pub(crate) env: Option<Vec<String>>,
    /// First words of the command.
    pub(crate) entrypoint: Option<Vec<String>>,
    /// Further words, or all of them.
    pub(crate) cmd: Option<Vec<String>>,
    /// Working directory.
    pub(crate) working_dir: Option<String>,
    /// Signal that asks it to end.
    pub(crate) stop_signal: Option<String>,
}

/// Digests of the layers' unpacked archives, lowest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Layers {
    /// The digests.
    #[serde(default)]
    pub(crate) diff_ids: Vec<String>,
}

/// Why a document is not an image that can be run; one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelError {
    /// Not the expected JSON.
    #[error("{what} {digest} can not be read: {reason}")]
    Json {
        /// Which document.
        what: &'static str,
        /// Its digest.
        digest: String,
        /// What the parser said.
        reason: String,
    },
    /// Something else than an image.
    #[error("{digest} is not a container image but has media type {media_type:?}")]
    NotAnImage {
        /// Its digest.
        digest: String,
        /// Its type.
        media_type: String,
    },
    /// A layer that can not be unpacked.
    #[error("layer {digest} has media type {media_type:?}, which can not be unpacked")]
    Layer {
        /// Its digest.
        digest: String,
        /// Its type.
        media_type: String,
    },
    /// Layers and configuration disagree.
    #[error("the manifest has {layers} layers, the configuration names {diff_ids}")]
    LayerCount {
        /// In the manifest.
        layers: usize,
        /// In the configuration.
        diff_ids: usize,
    },
}

impl Document {
    /// Reads an index or a manifest. The content decides which it is, as the media type may be missing.
    pub(crate) fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Either {
            #[serde(default)]
            media_type: String,
            manifests: Option<Vec<Descriptor>>,
            config: Option<Descriptor>,
            #[serde(default)]
            layers: Vec<Descriptor>,
        }
        let either: Either = parse("manifest", &descriptor.digest, bytes)?;
        match (either.manifests, either.config) {
            (Some(manifests), None) => Ok(Self::Index(manifests)),
            (None, Some(config)) => Ok(Self::Manifest(Manifest { config, layers: either.layers })),
            _ => Err(ModelError::NotAnImage {
                digest: descriptor.digest.clone(),
                media_type: if either.media_type.is_empty() {
                    descriptor.media_type.clone()
                } else {
                    either.media_type
                },
            }),
        }
    }

    /// The media type of a document that does not say it.
    pub(crate) fn default_media_type(&self) -> &'static str {
        match self {
            Self::Index(_) => OCI_INDEX,
            Self::Manifest(_) => OCI_MANIFEST,
        }
    }
}

impl Manifest {
    /// Refuses what is not a container image, and layers that containerd can not unpack.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if ![DOCKER_CONFIG, OCI_CONFIG].contains(&self.config.media_type.as_str()) {
            return Err(ModelError::NotAnImage {
                digest: self.config.digest.clone(),
                media_type: self.config.media_type.clone(),
            });
        }
        match self.layers.iter().find(|layer| !is_layer(&layer.media_type)) {
            Some(layer) => {
                Err(ModelError::Layer { digest: layer.digest.clone(), media_type: layer.media_type.clone() })
            }
            None => Ok(()),
        }
    }
}

impl ImageConfig {
    /// Reads the configuration of a manifest and checks that both tell of the same layers.
    pub(crate) fn parse(manifest: &Manifest, bytes: &[u8]) -> Result<Self, ModelError> {
        let config: Self = parse("image configuration", &manifest.config.digest, bytes)?;
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers == diff_ids { Ok(config) } else { Err(ModelError::LayerCount { layers, diff_ids }) }
    }

    /// The chain id of every layer, lowest first.
    pub(crate) fn chain_ids(&self) -> Vec<String> {
        chain_ids(&self.rootfs.diff_ids)
    }

    /// What the configuration says that it runs on.
    pub(crate) fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone(),
        }
    }
}

impl Descriptor {
    /// The same in the daemon's words.
    pub(crate) fn to_wire(&self) -> types::Descriptor {
        types::Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            annotations: std::collections::HashMap::new(),
        }
    }

    /// A descriptor of the daemon's.
    pub(crate) fn from_wire(wire: types::Descriptor) -> Self {
        Self {
            media_type: wire.media_type,
            digest: wire.digest,
            size: u64::try_from(wire.size).unwrap_or(0),
            ..Self::default()
        }
    }
}

/// Chain ids (OCI image spec, Layer ChainID): each names a layer together with all below it.
pub(crate) fn chain_ids(diff_ids: &[String]) -> Vec<String> {
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

/// The sha256 digest of bytes, as it is written.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    written(Sha256::new_with_prefix(bytes))
}

/// The digest of a finished hash, as it is written.
pub(crate) fn written(hash: Sha256) -> String {
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A layer's media type, with an optional `.gzip`, `+gzip` or the like.
fn is_layer(media_type: &str) -> bool {
    let compressions = ["", "gzip", "zstd"];
    LAYERS.iter().any(|layer| {
        media_type.strip_prefix(layer).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(['.', '+']).is_some_and(|name| compressions.contains(&name))
        })
    })
}

fn parse<'de, T: Deserialize<'de>>(
    what: &'static str,
    digest: &str,
    bytes: &'de [u8],
) -> Result<T, ModelError> {
    serde_json::from_slice(bytes).map_err(|error| ModelError::Json {
        what,
        digest: digest.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
