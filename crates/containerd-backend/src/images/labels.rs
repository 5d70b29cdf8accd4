//! Labels that make containerd's collector and other clients see an image as whole.

use std::collections::BTreeMap;

use super::content::SOURCE_LABEL;
use super::model::{Document, Manifest};
use super::reference::Reference;

/// Labels of one object.
pub(crate) type Labels = BTreeMap<String, String>;

/// Label of a layer with the digest of its unpacked archive.
const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// Label of a snapshot that is being made: the name that it will have.
pub(crate) const SNAPSHOT_REF: &str = "containerd.io/snapshot.ref";

/// What every blob of a pulled image carries: where it comes from.
pub(crate) fn origin(reference: &Reference) -> Labels {
    Labels::from([(format!("{SOURCE_LABEL}{}", reference.domain()), reference.repository().to_owned())])
}

/// References of a manifest or index to its parts.
pub(crate) fn children(document: &Document) -> Labels {
    match document {
        Document::Index(manifests) => numbered("m", manifests.iter().map(|manifest| &manifest.digest)),
        Document::Manifest(Manifest { config, layers }) => {
            let mut labels = numbered("l", layers.iter().map(|layer| &layer.digest));
            labels.insert("containerd.io/gc.ref.content.config".to_owned(), config.digest.clone());
            labels
        }
    }
}

/// What a layer carries.
pub(crate) fn layer(diff_id: &str) -> Labels {
    Labels::from([(UNCOMPRESSED.to_owned(), diff_id.to_owned())])
}

/// What the configuration of an unpacked image carries: the snapshot of its top layer.
pub(crate) fn unpacked(snapshotter: &str, chain_id: &str) -> Labels {
    Labels::from([(snapshot_label(snapshotter), chain_id.to_owned())])
}

/// Name of the label that refers to a snapshot.
pub(crate) fn snapshot_label(snapshotter: &str) -> String {
    format!("containerd.io/gc.ref.snapshot.{snapshotter}")
}

fn numbered<'a>(kind: &str, digests: impl Iterator<Item = &'a String>) -> Labels {
    let label = |(number, digest): (usize, &String)| {
        (format!("containerd.io/gc.ref.content.{kind}.{number}"), digest.clone())
    };
    digests.enumerate().map(label).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::images::model::Descriptor;

    fn described(digest: &str) -> Descriptor {
        Descriptor { digest: digest.into(), ..Descriptor::default() }
    }

    #[test]
    fn a_manifest_refers_to_its_configuration_and_layers() {
        let manifest = Manifest { config: described("c"), layers: vec![described("a"), described("b")] };
        expect![[r#"
            {
                "containerd.io/gc.ref.content.config": "c",
                "containerd.io/gc.ref.content.l.0": "a",
                "containerd.io/gc.ref.content.l.1": "b",
            }
        "#]]
        .assert_debug_eq(&children(&Document::Manifest(manifest)));
    }

    #[test]
    fn an_index_refers_to_its_manifests() {
        expect![[r#"
            {
                "containerd.io/gc.ref.content.m.0": "a",
                "containerd.io/gc.ref.content.m.1": "b",
            }
        "#]]
        .assert_debug_eq(&children(&Document::Index(vec![described("a"), described("b")])));
    }

    #[test]
    fn blobs_name_the_repository_that_they_come_from() {
        expect![[r#"
            {
                "containerd.io/distribution.source.docker.io": "library/redis",
            }
        "#]]
        .assert_debug_eq(&origin(&Reference::parse("redis").unwrap()));
    }
}
