//! Entry points of the fuzz targets (`tests/fuzz`).

use std::path::Path;

use crate::ImportError;
use crate::images::config::ImageConfig;
use crate::images::model::{Descriptor, Document, Manifest};
use crate::images::reference::Reference;

/// The full form of an image reference, or why it is none.
///
/// # Errors
/// The text is no reference.
pub fn reference(text: &str) -> Result<String, String> {
    Reference::parse(text).map(|reference| reference.to_string()).map_err(|error| error.to_string())
}

/// An index or a manifest: its descriptors as they are written, those of the layers behind that of the configuration.
///
/// # Errors
/// The document is neither.
pub fn document(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let descriptors = match Document::parse(&Descriptor::default(), bytes) {
        Ok(Document::Index(manifests)) => manifests,
        Ok(Document::Manifest(manifest)) => {
            manifest.check().map_err(|error| error.to_string())?;
            std::iter::once(manifest.config).chain(manifest.layers).collect()
        }
        Err(error) => return Err(error.to_string()),
    };
    descriptors.iter().map(|one| serde_json::to_vec(one).map_err(|error| error.to_string())).collect()
}

/// An image's configuration beside a manifest with so many layers: the chain ids of its layers.
///
/// # Errors
/// The document is none, or tells of another number of layers.
pub fn configuration(bytes: &[u8], layers: usize) -> Result<Vec<String>, String> {
    let layers = vec![Descriptor::default(); layers];
    let manifest = Manifest { layers, ..Manifest::default() };
    let config = ImageConfig::parse(&manifest, bytes).map_err(|error| error.to_string())?;
    Ok(config.chain_ids())
}

/// The names of the images in an archive.
///
/// # Errors
/// As of an import, before anything is asked of containerd.
pub fn archive(path: &Path) -> Result<Vec<String>, ImportError> {
    crate::images::import::names(path)
}
