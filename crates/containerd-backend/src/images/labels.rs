//! Labels that make containerd's collector and other clients see an image as whole.

use std::collections::BTreeMap;

use super::content::SOURCE_LABEL;
use super::model::{Document, Manifest};
use super::reference::{Reference, is_digest};

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
        Document::Manifest(Manifest { config, layers, .. }) => {
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
    // What is no digest refers to nothing, and may be longer than a label.
    digests.enumerate().filter(|(_, digest)| is_digest(digest)).map(label).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::images::model::Descriptor;

    fn described(digit: &str) -> Descriptor {
        Descriptor { digest: format!("sha256:{}", digit.repeat(64)), ..Descriptor::default() }
    }

    fn told(labels: Labels) -> Vec<String> {
        labels.into_iter().map(|(name, digest)| format!("{name} {}", &digest[..9])).collect()
    }

    #[test]
    fn a_manifest_refers_to_its_configuration_and_layers() {
        let layers = vec![described("a"), described("b")];
        let manifest = Manifest { config: described("c"), layers, ..Manifest::default() };
        assert_eq!(
            told(children(&Document::Manifest(manifest))),
            [
                "containerd.io/gc.ref.content.config sha256:cc",
                "containerd.io/gc.ref.content.l.0 sha256:aa",
                "containerd.io/gc.ref.content.l.1 sha256:bb"
            ]
        );
    }

    #[test]
    fn an_index_refers_to_its_manifests_and_to_nothing_else() {
        let index = vec![described("a"), described("x"), described("b")];
        assert_eq!(
            told(children(&Document::Index(index))),
            ["containerd.io/gc.ref.content.m.0 sha256:aa", "containerd.io/gc.ref.content.m.2 sha256:bb"]
        );
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
