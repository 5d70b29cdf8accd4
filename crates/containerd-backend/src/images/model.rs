//! Manifests and indexes as registries and archives have them (OCI image spec 1.1, Docker image manifest v2.2): only
//! what is needed, read as other clients read it.

use std::collections::BTreeMap;

use containerd_client::types;
use serde::Serialize;
use serde::de::MapAccess;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::json::{self, Object};
use super::media_types::{
    DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, ENCRYPTED, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, SCHEMA_1,
    VAGUE, VAGUE_CONFIGS, is_layer,
};
use super::reference::is_digest;

/// Longest text of an image that is shown, in characters.
const LONGEST_TEXT: usize = 100;
/// Longest reason for which a document cannot be read, in characters: it may quote the document.
const LONGEST_REASON: usize = 300;
/// Largest manifest or index, in bytes: containerd's limit, a little above the 4 MiB that registries take.
pub(crate) const MAX_MANIFEST: usize = 4 * 1048 * 1048;
/// Most layers of an image: overlayfs of Linux has at most so many beneath one another.
pub(crate) const MAX_LAYERS: usize = 500;
/// Most entries of an index.
const MAX_MANIFESTS: usize = 10_000;
/// The annotations that are looked at: two with names of an image in an archive, and the one of what belongs to another.
const ANNOTATIONS: [&str; 3] = [FULL_NAME, REF_NAME, REFERENCE_TYPE];
/// Annotation with a full name, as containerd and Docker write it.
pub(crate) const FULL_NAME: &str = "io.containerd.image.name";
/// Annotation with a name of any kind, sometimes only a tag.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation of an entry that is no image but tells of one, as an attestation.
pub(crate) const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// A reference to a document or layer by its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    /// What it is.
    pub(crate) media_type: String,
    /// Its digest.
    pub(crate) digest: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What it runs on, in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    /// Further facts, such as names in an archive.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What a manifest of an index runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Platform {
    /// Processor architecture, in Go's words.
    pub(crate) architecture: String,
    /// Operating system, in Go's words.
    pub(crate) os: String,
    /// Level of the architecture, such as `v8` or `v3`.
    #[serde(skip_serializing_if = "String::is_empty")]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Manifest {
    /// What kind of artifact it is when it is no image.
    #[serde(skip)]
    pub(crate) artifact_type: String,
    /// The configuration.
    pub(crate) config: Descriptor,
    /// The layers.
    pub(crate) layers: Vec<Descriptor>,
}

/// A manifest or index as it is written: which keys are there decides as much as what they have.
#[derive(Debug, Default)]
struct Written {
    media_type: String,
    artifact_type: String,
    manifests: Vec<Descriptor>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    has: Keys,
}

/// The keys that tell an index from a manifest.
#[derive(Debug, Default)]
struct Keys {
    manifests: bool,
    config: bool,
    layers: bool,
    fs_layers: bool,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Index,
    Manifest,
}

impl Object for Descriptor {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "mediatype" => json::text(&mut self.media_type, map),
            "digest" => json::text(&mut self.digest, map),
            "size" => json::size(&mut self.size, map),
            "platform" => json::object(&mut self.platform, map),
            "annotations" => json::texts_at(&mut self.annotations, &ANNOTATIONS, map),
            _ => Ok(false),
        }
    }
}

impl Object for Option<Platform> {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        self.get_or_insert_default().field(name, map)
    }
}

impl Object for Platform {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "architecture" => json::text(&mut self.architecture, map),
            "os" => json::text(&mut self.os, map),
            "variant" => json::text(&mut self.variant, map),
            _ => Ok(false),
        }
    }
}

impl Object for Written {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "mediatype" => json::text(&mut self.media_type, map),
            "artifacttype" => json::text(&mut self.artifact_type, map),
            "manifests" => {
                self.has.manifests = true;
                json::list(&mut self.manifests, (MAX_MANIFESTS, "manifests"), map)
            }
            "config" => {
                self.has.config = true;
                json::object(&mut self.config, map)
            }
            "layers" => {
                self.has.layers = true;
                json::list(&mut self.layers, (MAX_LAYERS, "layers"), map)
            }
            "fslayers" => json::seen(&mut self.has.fs_layers, map),
            _ => Ok(false),
        }
    }
}

/// Why a document is not an image that can be run; one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelError {
    /// Not the expected JSON.
    #[error("{what} {digest} cannot be read: {reason}")]
    Json {
        /// Which document.
        what: &'static str,
        /// Its digest.
        digest: String,
        /// What the parser said.
        reason: String,
    },
    /// Something else than an image.
    #[error("{digest} is not a container image but {}", kind_of(media_type))]
    NotAnImage {
        /// Its digest.
        digest: String,
        /// Its type.
        media_type: String,
    },
    /// A manifest without its main part.
    #[error("{digest} is a manifest that names no configuration")]
    NoConfig {
        /// Its digest.
        digest: String,
    },
    /// An image of a kind that nobody makes any more.
    #[error(
        "{digest} is an image of Docker's first schema, which is no longer supported: build or push it anew with a \
         current tool"
    )]
    Schema1 {
        /// Its digest.
        digest: String,
    },
    /// A document that is an index to some and a manifest to others.
    #[error("{digest} can be read as an index and as a manifest, and is refused as either")]
    Ambiguous {
        /// Its digest.
        digest: String,
    },
    /// A document that is not what others call it.
    #[error("{digest} says that it is {said:?}, and what refers to it that it is {expected:?}")]
    Disagree {
        /// Its digest.
        digest: String,
        /// By itself.
        said: String,
        /// By what refers to it.
        expected: String,
    },
    /// A reference to nothing.
    #[error("{what} has the digest {digest:?}, which is none")]
    Digest {
        /// What is referred to.
        what: &'static str,
        /// What is written there.
        digest: String,
    },
    /// A layer that can not be unpacked.
    #[error("layer {digest} has media type {media_type:?}, which cannot be unpacked")]
    Layer {
        /// Its digest.
        digest: String,
        /// Its type.
        media_type: String,
    },
    /// A layer that only those can unpack who have its key.
    #[error("layer {digest} is encrypted (media type {media_type:?}), which is not supported")]
    Encrypted {
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
    /// Reads an index or a manifest. Which it is says its media type, then that of what refers to it, then its content;
    /// what can be read in both ways is refused, as clients would disagree on what they run (CVE-2021-41190).
    pub(crate) fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<Self, ModelError> {
        let written: Written = read("manifest", &descriptor.digest, bytes)?;
        let digest = descriptor.digest.clone();
        let (said, expected) = (&written.media_type, &descriptor.media_type);
        if written.has.fs_layers || [said, expected].iter().any(|kind| SCHEMA_1.contains(&kind.as_str())) {
            return Err(ModelError::Schema1 { digest });
        }
        let not_an_image = |media_type: &str| ModelError::NotAnImage {
            digest: digest.clone(),
            media_type: short(media_type),
        };
        let kind = |media_type: &String| match media_type.as_str() {
            "" => Ok(None),
            DOCKER_LIST | OCI_INDEX => Ok(Some(Kind::Index)),
            DOCKER_MANIFEST | OCI_MANIFEST => Ok(Some(Kind::Manifest)),
            other => Err(not_an_image(other)),
        };
        let named = match (kind(said)?, kind(expected)?) {
            (Some(_), Some(_)) if said != expected => {
                let (said, expected) = (short(said), short(expected));
                return Err(ModelError::Disagree { digest, said, expected });
            }
            (said, expected) => said.or(expected),
        };
        let has_parts = written.has.config || written.has.layers;
        match named.or(written.kind()) {
            Some(Kind::Index) if !has_parts => Ok(Self::Index(written.manifests)),
            Some(Kind::Manifest) if !written.has.manifests && written.has.config => {
                let Written { artifact_type, config, layers, .. } = written;
                Ok(Self::Manifest(Manifest { artifact_type, config, layers }))
            }
            Some(_) if has_parts && written.has.manifests => Err(ModelError::Ambiguous { digest }),
            Some(Kind::Manifest) if !written.has.manifests => Err(ModelError::NoConfig { digest }),
            _ => Err(not_an_image(if said.is_empty() { expected } else { said })),
        }
    }

    /// The media type that a document says it has.
    pub(crate) fn media_type_of(bytes: &[u8]) -> Option<String> {
        let said = json::read::<Written>(bytes).ok()?.media_type;
        (!said.is_empty()).then_some(said)
    }

    /// The media type of a document that does not say it.
    pub(crate) fn default_media_type(&self) -> &'static str {
        match self {
            Self::Index(_) => OCI_INDEX,
            Self::Manifest(_) => OCI_MANIFEST,
        }
    }
}

impl Written {
    /// What it is by its content.
    fn kind(&self) -> Option<Kind> {
        match (self.has.manifests, self.has.config) {
            (_, true) => Some(Kind::Manifest),
            (true, false) => Some(Kind::Index),
            (false, false) => None,
        }
    }
}

impl Manifest {
    /// Refuses what is not a container image, references to nothing, and layers that cannot be unpacked.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let config = self.config.media_type.as_str();
        let is_vague = VAGUE_CONFIGS.contains(&config) && self.artifact_type.is_empty();
        if ![DOCKER_CONFIG, OCI_CONFIG].contains(&config) && !is_vague {
            let kinds = [&self.artifact_type, &self.config.media_type];
            let kind = kinds.into_iter().find(|kind| !kind.is_empty());
            let media_type = kind.map(|kind| short(kind)).unwrap_or_default();
            return Err(ModelError::NotAnImage { digest: short(&self.config.digest), media_type });
        }
        self.config.check("the configuration")?;
        self.layers.iter().try_for_each(|layer| {
            layer.check("a layer")?;
            let (digest, media_type) = (layer.digest.clone(), short(&layer.media_type));
            match layer.media_type.as_str() {
                kind if kind.ends_with(ENCRYPTED) => Err(ModelError::Encrypted { digest, media_type }),
                kind if kind != VAGUE && !is_layer(kind) => Err(ModelError::Layer { digest, media_type }),
                _ => Ok(()),
            }
        })
    }
}

impl Descriptor {
    /// Refuses a digest that is none: addresses and names are made of it. `what` is referred to.
    pub(crate) fn check(&self, what: &'static str) -> Result<(), ModelError> {
        if is_digest(&self.digest) {
            Ok(())
        } else {
            Err(ModelError::Digest { what, digest: short(&self.digest) })
        }
    }

    /// Whether these bytes are the ones that it refers to.
    pub(crate) fn is_of(&self, bytes: &[u8]) -> bool {
        let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self.digest.split_once(':') {
            Some(("sha256", _)) => digest_of(bytes) == self.digest,
            Some(("sha384", wanted)) => hex(&Sha384::digest(bytes)) == wanted,
            Some(("sha512", wanted)) => hex(&Sha512::digest(bytes)) == wanted,
            _ => false,
        }
    }

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

/// Reads a document.
pub(super) fn read<T: Object>(what: &'static str, digest: &str, bytes: &[u8]) -> Result<T, ModelError> {
    json::read(bytes).map_err(|error| ModelError::Json {
        what,
        digest: digest.to_owned(),
        reason: error.to_string().chars().take(LONGEST_REASON).collect(),
    })
}

/// The beginning of a text that an image has, for people.
pub(super) fn short(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

fn kind_of(media_type: &str) -> String {
    if media_type.is_empty() { "something else".to_owned() } else { format!("has media type {media_type:?}") }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
