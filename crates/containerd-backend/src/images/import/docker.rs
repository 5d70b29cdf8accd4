//! What `docker save` writes: `manifest.json` with configurations and unpacked layers by path. A manifest as a
//! registry would have it is made from that.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use bytes::Bytes;
use serde::de::MapAccess;
use sha2::{Digest, Sha256};

use super::archive::{Archive, Extent};
use super::error::ImportError;
use super::named::{Named, parse_name};
use crate::images::json::{self, Object};
use crate::images::media_types::{DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST};
use crate::images::model::{Descriptor, MAX_LAYERS, Manifest, digest_of, written};

/// The list of images.
const LIST: &str = "manifest.json";
/// Most images of an archive.
const MAX_IMAGES: usize = 10_000;
/// Most names of an image.
const MAX_TAGS: usize = 10_000;
/// Bytes that are hashed at once.
const CHUNK: usize = 1 << 20;

/// One image of the list.
#[derive(Debug, Default)]
struct Listed {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl Object for Listed {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "config" => json::text(&mut self.config, map),
            "repotags" => json::texts(&mut self.repo_tags, (MAX_TAGS, "names in RepoTags"), map),
            "layers" => json::texts(&mut self.layers, (MAX_LAYERS, "layers"), map),
            _ => Ok(false),
        }
    }
}

/// Documents and layers by their digests.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// Manifests that were made here.
    pub(super) manifests: HashMap<String, Bytes>,
    /// Files of the archive.
    pub(super) files: HashMap<String, Extent>,
}

/// The named images of the archive, with what they consist of; none when it was not written by `docker save`.
pub(super) fn images(path: &Path, archive: &Archive) -> Result<Option<(Vec<Named>, Documents)>, ImportError> {
    let unreadable = |source: io::Error| ImportError::Read { path: path.to_path_buf(), source };
    let Some(bytes) = archive.document(LIST).map_err(unreadable)? else { return Ok(None) };
    let broken = |document: &str, reason: String| ImportError::Document {
        path: path.to_path_buf(),
        document: document.to_owned(),
        reason,
    };
    let list: Vec<Listed> =
        json::read_list(&bytes, (MAX_IMAGES, "images")).map_err(|error| broken(LIST, error.to_string()))?;
    let mut documents = Documents::default();
    let mut known = HashMap::new();
    let mut images = Vec::new();
    for Listed { config, repo_tags, layers } in list {
        let mut file = |name: &str, media_type: Option<&str>| {
            let extent = archive.find(name).ok_or_else(|| broken(name, "the archive lacks it".to_owned()))?;
            let described = describe(archive, extent, media_type, &mut known).map_err(unreadable)?;
            documents.files.insert(described.digest.clone(), extent);
            Ok::<_, ImportError>(described)
        };
        let config = file(&config, Some(DOCKER_CONFIG))?;
        let layers = layers.iter().map(|layer| file(layer, None)).collect::<Result<Vec<_>, _>>()?;
        let manifest = Manifest { config, layers, ..Manifest::default() };
        let root =
            make_manifest(&manifest, &mut documents).map_err(|error| broken(LIST, error.to_string()))?;
        for tag in repo_tags {
            images.push(Named { reference: parse_name(path, &tag)?, root: root.clone() });
        }
    }
    Ok(Some((images, documents)))
}

fn make_manifest(manifest: &Manifest, documents: &mut Documents) -> serde_json::Result<Descriptor> {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Written<'a> {
        schema_version: u8,
        media_type: &'a str,
        #[serde(flatten)]
        manifest: &'a Manifest,
    }
    let written = Written { schema_version: 2, media_type: DOCKER_MANIFEST, manifest };
    let bytes = serde_json::to_vec(&written)?;
    let digest = digest_of(&bytes);
    let size = bytes.len() as u64;
    documents.manifests.insert(digest.clone(), bytes.into());
    Ok(Descriptor { media_type: DOCKER_MANIFEST.to_owned(), digest, size, ..Descriptor::default() })
}

/// Digest, size and type of a file; a layer's type is told by its first bytes.
fn describe(
    archive: &Archive,
    extent: Extent,
    media_type: Option<&str>,
    known: &mut HashMap<u64, Descriptor>,
) -> io::Result<Descriptor> {
    if let Some(described) = known.get(&extent.start()) {
        return Ok(described.clone());
    }
    let media_type = match media_type {
        Some(media_type) => media_type.to_owned(),
        None => layer_type(&archive.read(extent, 0, 4)?),
    };
    let (mut hash, mut offset) = (Sha256::new(), 0);
    while offset < extent.size {
        let bytes = archive.read(extent, offset, CHUNK)?;
        hash.update(&bytes);
        offset += bytes.len() as u64;
    }
    let described =
        Descriptor { media_type, digest: written(hash), size: extent.size, ..Descriptor::default() };
    known.insert(extent.start(), described.clone());
    Ok(described)
}

fn layer_type(magic: &[u8]) -> String {
    match magic {
        [0x1f, 0x8b, ..] => format!("{DOCKER_LAYER}.gzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => format!("{DOCKER_LAYER}.zstd"),
        _ => DOCKER_LAYER.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_typed_by_its_first_bytes() {
        assert_eq!(layer_type(&[0x1f, 0x8b, 8, 0]), "application/vnd.docker.image.rootfs.diff.tar.gzip");
        assert_eq!(
            layer_type(&[0x28, 0xb5, 0x2f, 0xfd]),
            "application/vnd.docker.image.rootfs.diff.tar.zstd"
        );
        assert_eq!(layer_type(b"bin/"), "application/vnd.docker.image.rootfs.diff.tar");
        assert_eq!(layer_type(b""), "application/vnd.docker.image.rootfs.diff.tar");
    }
}
