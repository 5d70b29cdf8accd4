//! OCI image layouts (OCI image spec, Image Layout): `index.json` and `blobs/<algorithm>/<hex>`.

use std::path::Path;

use super::archive::Archive;
use super::error::ImportError;
use super::named::{Named, parse_name};
use crate::images::model::{Descriptor, Document, FULL_NAME, REF_NAME};

/// The layout's index.
const INDEX: &str = "index.json";
/// The named images of a layout; none when the archive is no layout.
pub(super) fn images(path: &Path, archive: &Archive) -> Result<Option<Vec<Named>>, ImportError> {
    let read = archive.document(INDEX);
    let read = read.map_err(|source| ImportError::Read { path: path.to_path_buf(), source })?;
    let Some(bytes) = read else { return Ok(None) };
    let broken = |reason: String| ImportError::Document {
        path: path.to_path_buf(),
        document: INDEX.to_owned(),
        reason,
    };
    let index = Descriptor { digest: INDEX.to_owned(), ..Descriptor::default() };
    let manifests = match Document::parse(&index, &bytes).map_err(|error| broken(error.to_string()))? {
        Document::Index(manifests) => manifests,
        Document::Manifest(_) => return Err(broken("it is a manifest and not an index".to_owned())),
    };
    let mut images = Vec::new();
    for mut root in manifests {
        if let Some(name) = name_of(&root) {
            let reference = parse_name(path, &name)?;
            root.annotations.clear();
            images.push(Named { reference, root });
        }
    }
    Ok(Some(images))
}

/// The name in the annotations. A bare tag is none: it does not say of what.
fn name_of(descriptor: &Descriptor) -> Option<String> {
    let annotation = |name: &str| descriptor.annotations.get(name).filter(|value| !value.is_empty()).cloned();
    annotation(FULL_NAME).or_else(|| annotation(REF_NAME).filter(|name| name.contains(['/', ':', '@'])))
}

/// Where a layout keeps a blob.
pub(super) fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(annotations: &[(&str, &str)]) -> Option<String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        name_of(&Descriptor { annotations: annotations.iter().map(owned).collect(), ..Descriptor::default() })
    }

    #[test]
    fn the_full_name_goes_before_the_tag() {
        assert_eq!(
            named(&[(REF_NAME, "7"), (FULL_NAME, "docker.io/library/redis:7")]).unwrap(),
            "docker.io/library/redis:7"
        );
    }

    #[test]
    fn a_reference_is_a_name_and_a_tag_is_none() {
        assert_eq!(named(&[(REF_NAME, "redis:7")]).unwrap(), "redis:7");
        assert_eq!(named(&[(REF_NAME, "latest")]), None);
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn blobs_lie_under_their_algorithm() {
        assert_eq!(blob_path("sha256:aabb"), "blobs/sha256/aabb");
    }
}
