//! Tests of what archives hold.

use std::fs::File;

use expect_test::expect;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::images::model::{Document, digest_of};
use crate::images::source::Source;

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn names(images: &[Named]) -> Vec<String> {
    images.iter().map(|image| image.reference.to_string()).collect()
}

/// The refusal of an archive, its path left out.
fn refusal(files: &[(&str, &[u8])]) -> String {
    let file = on_disk(&tar_of(files));
    let error = open_blocking(file.path()).map(drop).unwrap_err().to_string();
    error.replace(&file.path().display().to_string(), "ARCHIVE")
}

const INDEX: &[u8] = br#"{"schemaVersion":2,"manifests":[
    {"digest":"sha256:aa","annotations":{"io.containerd.image.name":"docker.io/library/redis:7"}},
    {"digest":"sha256:bb","annotations":{"org.opencontainers.image.ref.name":"localhost:5000/app:1"}},
    {"digest":"sha256:cc","annotations":{"org.opencontainers.image.ref.name":"latest"}}]}"#;

#[test]
fn the_named_images_of_a_layout_are_found() {
    let file = on_disk(&tar_of(&[("oci-layout", b"{}"), ("index.json", INDEX)]));
    let (_, images) = open_blocking(file.path()).unwrap();
    assert_eq!(names(&images), ["docker.io/library/redis:7", "localhost:5000/app:1"]);
    assert_eq!(images[0].root.digest, "sha256:aa");
    assert!(images[0].root.annotations.is_empty());
}

#[test]
fn a_compressed_archive_is_read_alike() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut encoder = GzEncoder::new(File::create(file.path()).unwrap(), Compression::fast());
    std::io::Write::write_all(&mut encoder, &tar_of(&[("index.json", INDEX)])).unwrap();
    encoder.finish().unwrap();
    assert_eq!(open_blocking(file.path()).unwrap().1.len(), 2);
}

#[tokio::test]
async fn a_docker_archive_gets_a_manifest_with_the_digests_of_its_files() {
    let (config, layer) = (br#"{"os":"linux"}"#, b"a layer");
    let list = br#"[{"Config":"c.json","RepoTags":["redis:7","redis:latest"],"Layers":["l/layer.tar"]}]"#;
    let file = on_disk(&tar_of(&[("manifest.json", list), ("c.json", config), ("l/layer.tar", layer)]));
    let (source, images) = open_blocking(file.path()).unwrap();
    assert_eq!(names(&images), ["docker.io/library/redis:7", "docker.io/library/redis:latest"]);
    let bytes = source.manifest(&images[0].root).await.unwrap();
    assert_eq!(digest_of(&bytes), images[0].root.digest);
    let Document::Manifest(manifest) = Document::parse(&images[0].root, &bytes).unwrap() else {
        panic!("a manifest")
    };
    manifest.check().unwrap();
    assert_eq!((manifest.config.digest.as_str(), manifest.config.size), (digest_of(config).as_str(), 14));
    let mut stream = source.blob(&manifest.layers[0], 2).await.unwrap();
    assert_eq!(futures::StreamExt::next(&mut stream).await.unwrap().unwrap().as_ref(), b"layer");
    assert!(futures::StreamExt::next(&mut stream).await.is_none());
}

#[test]
fn refusals_name_the_archive_and_what_is_missing() {
    expect!["ARCHIVE has neither index.json (an OCI layout) nor manifest.json (docker save)"]
        .assert_eq(&refusal(&[("etc/passwd", b"")]));
    expect!["index.json in ARCHIVE: manifest index.json cannot be read: expected ident at line 1 column 2"]
        .assert_eq(&refusal(&[("index.json", b"nonsense")]));
    expect!["c.json in ARCHIVE: the archive lacks it"]
        .assert_eq(&refusal(&[("manifest.json", br#"[{"Config":"c.json","Layers":[]}]"#)]));
    expect!["ARCHIVE does not name its image: it needs the annotation io.containerd.image.name, a full org.opencontainers.image.ref.name, or RepoTags"]
        .assert_eq(&refusal(&[("index.json", br#"{"manifests":[{"digest":"sha256:aa"}]}"#)]));
    expect![[r#"ARCHIVE names an image "Bad/:x": "" is not a repository name: it consists of lower-case letters, digits and the separators . _ __ - within parts divided by /"#]]
        .assert_eq(&refusal(&[(
            "index.json",
            br#"{"manifests":[{"digest":"sha256:aa","annotations":{"io.containerd.image.name":"Bad/:x"}}]}"#,
        )]));
}
