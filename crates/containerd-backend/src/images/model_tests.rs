//! Tests of image documents.

use expect_test::expect;

use super::*;

fn described(digest: &str) -> Descriptor {
    Descriptor { digest: digest.into(), ..Descriptor::default() }
}

#[test]
fn the_content_tells_an_index_from_a_manifest() {
    let index = br#"{"schemaVersion":2,"manifests":[{"digest":"sha256:aa","platform":{"os":"linux","architecture":"arm64"}}]}"#;
    let Document::Index(manifests) = Document::parse(&described("x"), index).unwrap() else {
        panic!("an index")
    };
    assert_eq!(manifests[0].platform.as_ref().unwrap().architecture, "arm64");

    let manifest =
        br#"{"config":{"mediaType":"c","digest":"sha256:cc","size":3},"layers":[{"digest":"sha256:dd"}]}"#;
    let Document::Manifest(manifest) = Document::parse(&described("x"), manifest).unwrap() else {
        panic!("a manifest")
    };
    assert_eq!((manifest.config.size, manifest.layers.len()), (3, 1));
}

#[test]
fn the_first_manifest_schema_is_refused_by_its_media_type() {
    let schema1 =
        br#"{"schemaVersion":1,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}"#;
    expect![[
        r#"sha256:aa is not a container image but has media type "application/vnd.docker.distribution.manifest.v1+prettyjws""#
    ]]
    .assert_eq(&Document::parse(&described("sha256:aa"), schema1).unwrap_err().to_string());
}

#[test]
fn what_is_not_json_is_refused_with_its_digest() {
    expect!["manifest sha256:aa can not be read: expected value at line 1 column 1"]
        .assert_eq(&Document::parse(&described("sha256:aa"), b"<html>").unwrap_err().to_string());
}

#[test]
fn layers_of_all_usual_compressions_are_accepted() {
    for media_type in [
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ] {
        assert!(is_layer(media_type), "{media_type}");
    }
    for media_type in ["", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "application/wasm"] {
        assert!(!is_layer(media_type), "{media_type}");
    }
}

#[test]
fn an_artifact_is_no_image() {
    let manifest = Manifest {
        config: Descriptor {
            media_type: "application/vnd.cncf.helm.config.v1+json".into(),
            ..described("sha256:aa")
        },
        layers: vec![],
    };
    assert!(matches!(manifest.check(), Err(ModelError::NotAnImage { .. })));
}

#[test]
fn nulls_in_a_configuration_mean_nothing_is_said() {
    let manifest = Manifest { config: described("sha256:cc"), layers: vec![] };
    let bytes = br#"{"architecture":"amd64","os":"linux","config":{"Entrypoint":null,"Cmd":["sh"],"Env":null},"rootfs":{"type":"layers"}}"#;
    let run = ImageConfig::parse(&manifest, bytes).unwrap().config.unwrap();
    assert_eq!(run.cmd.unwrap(), ["sh"]);
    assert_eq!((run.entrypoint, run.env), (None, None));
}

#[test]
fn a_configuration_that_tells_of_other_layers_is_refused() {
    let manifest = Manifest { config: described("sha256:cc"), layers: vec![described("sha256:dd")] };
    let error = ImageConfig::parse(&manifest, br#"{"rootfs":{"diff_ids":[]}}"#).unwrap_err();
    assert_eq!(error, ModelError::LayerCount { layers: 1, diff_ids: 0 });
}

#[test]
fn chain_ids_are_those_of_the_specification() {
    assert!(chain_ids(&[]).is_empty());
    let chain = chain_ids(&["sha256:aa".into(), "sha256:bb".into()]);
    assert_eq!(chain[0], "sha256:aa");
    assert_eq!(chain[1], digest_of(b"sha256:aa sha256:bb"));
}
