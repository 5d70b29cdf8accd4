//! Tests of image documents.

use expect_test::expect;

use super::super::media_types::OCI_LAYER;
use super::*;

fn described(digest: &str) -> Descriptor {
    Descriptor { digest: digest.into(), ..Descriptor::default() }
}

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

fn parse(expected: &str, text: &str) -> Result<Document, ModelError> {
    let descriptor = Descriptor { media_type: expected.into(), ..described("sha256:aa") };
    Document::parse(&descriptor, text.as_bytes())
}

#[test]
fn the_content_tells_an_index_from_a_manifest() {
    let index = r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:aa","platform":{"os":"linux","architecture":"arm64"}}]}"#;
    let Document::Index(manifests) = parse("", index).unwrap() else { panic!("an index") };
    assert_eq!(manifests[0].platform.as_ref().unwrap().architecture, "arm64");

    let manifest =
        r#"{"config":{"mediaType":"c","digest":"sha256:cc","size":3},"layers":[{"digest":"sha256:dd"}]}"#;
    let Document::Manifest(manifest) = parse("", manifest).unwrap() else { panic!("a manifest") };
    assert_eq!((manifest.config.size, manifest.layers.len()), (3, 1));
}

#[test]
fn documents_are_read_as_other_clients_read_them() {
    let odd = r#"{"SchemaVersion":2,"Manifests":null,"MediaType":"","Config":{"Digest":"a","SIZE":3,"Platform":null},"LAYERS":null}"#;
    let odd = odd.replace(r#""Manifests":null,"#, "");
    let Document::Manifest(manifest) = parse("", &odd).unwrap() else { panic!("a manifest") };
    assert_eq!((manifest.config.digest.as_str(), manifest.config.size), ("a", 3));
    assert_eq!((manifest.config.platform, manifest.layers.len()), (None, 0));
    assert_eq!(parse("", r#"{"manifests":null}"#).unwrap(), Document::Index(vec![]));
}

#[test]
fn what_is_no_image_is_refused_by_what_it_is() {
    let told = [
        parse(
            "",
            r#"{"schemaVersion":1,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}"#,
        ),
        parse("", r#"{"schemaVersion":1,"fsLayers":[],"config":{"digest":"a"}}"#),
        parse("application/vnd.docker.distribution.manifest.v1+json", "{}"),
        parse("", "<html>"),
        parse("application/vnd.cncf.helm.config.v1+json", r#"{"config":{"digest":"a"}}"#),
        parse(OCI_MANIFEST, "{}"),
        parse("", "null"),
    ];
    let told = told.map(|refused| refused.unwrap_err().to_string()).join("\n");
    expect![[r#"
        sha256:aa is an image of Docker's first schema, which is no longer supported: build or push it anew with a current tool
        sha256:aa is an image of Docker's first schema, which is no longer supported: build or push it anew with a current tool
        sha256:aa is an image of Docker's first schema, which is no longer supported: build or push it anew with a current tool
        manifest sha256:aa cannot be read: expected value at line 1 column 1
        sha256:aa is not a container image but has media type "application/vnd.cncf.helm.config.v1+json"
        sha256:aa is a manifest that names no configuration
        sha256:aa is not a container image but something else"#]].assert_eq(&told);
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for (expected, text) in [
        ("", r#"{"manifests":[],"config":{"digest":"a"}}"#),
        ("", r#"{"manifests":null,"config":{"digest":"a"},"layers":[]}"#),
        ("", r#"{"Manifests":[],"Layers":[]}"#),
        (OCI_MANIFEST, r#"{"manifests":null,"config":{"digest":"a"}}"#),
        (OCI_INDEX, r#"{"manifests":[],"layers":null}"#),
        ("", r#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"config":null}"#),
    ] {
        assert!(matches!(parse(expected, text), Err(ModelError::Ambiguous { .. })), "{text}");
    }
    let error = parse(OCI_INDEX, &format!(r#"{{"mediaType":"{OCI_MANIFEST}","config":{{"digest":"a"}}}}"#));
    expect![[r#"sha256:aa says that it is "application/vnd.oci.image.manifest.v1+json", and what refers to it that it is "application/vnd.oci.image.index.v1+json""#]]
        .assert_eq(&error.unwrap_err().to_string());
}

#[test]
fn absurd_documents_are_refused() {
    let layers =
        |count: usize| format!(r#"{{"config":{{"digest":"a"}},"layers":[{}{{}}]}}"#, "{},".repeat(count - 1));
    assert!(parse("", &layers(MAX_LAYERS)).is_ok());
    let told = [
        parse("", &layers(MAX_LAYERS + 1)),
        parse("", r#"{"config":{"digest":"a","size":-1}}"#),
        parse("", r#"{"config":{"digest":"a"},"layers":[{"size":9223372036854775807}]}"#),
        parse("", r#"{"config":{"digest":"a"},"layers":{}}"#),
    ];
    let told = told.map(|refused| refused.unwrap_err().to_string()).join("\n");
    expect![[r#"
        manifest sha256:aa cannot be read: more than 500 layers at line 1 column 1538
        manifest sha256:aa cannot be read: -1 is not the size of anything in bytes at line 1 column 34
        manifest sha256:aa cannot be read: 9223372036854775807 is not the size of anything in bytes at line 1 column 63
        manifest sha256:aa cannot be read: invalid type: map, expected a list of layers at line 1 column 36"#]].assert_eq(&told);
}

#[test]
fn what_refers_to_nothing_is_refused() {
    let config = Descriptor { media_type: OCI_CONFIG.into(), ..described(&digest("a")) };
    let layer = |digest: &str| Descriptor { media_type: OCI_LAYER.into(), ..described(digest) };
    let check = |config: &Descriptor, digest: &str| {
        let layers = vec![layer(digest)];
        Manifest { config: config.clone(), layers, ..Manifest::default() }.check()
    };
    assert_eq!(check(&config, &digest("b")), Ok(()));
    for none in ["", "sha256:aa", "../../x", "sha256:../../../../../../etc/passwd", "md5:aa"] {
        assert!(matches!(check(&config, none), Err(ModelError::Digest { .. })), "{none}");
        let config = Descriptor { digest: none.into(), ..config.clone() };
        assert!(matches!(check(&config, &digest("b")), Err(ModelError::Digest { .. })), "{none}");
    }
}

#[test]
fn configurations_of_older_tools_are_accepted_and_those_of_artifacts_not() {
    let check = |config: &str, artifact_type: &str| {
        let config = Descriptor { media_type: config.into(), ..described(&digest("a")) };
        Manifest { artifact_type: artifact_type.into(), config, layers: vec![] }.check()
    };
    for accepted in
        [OCI_CONFIG, DOCKER_CONFIG, "application/octet-stream", "application/json", "text/html", ""]
    {
        assert_eq!(check(accepted, ""), Ok(()), "{accepted}");
    }
    assert_eq!(check(OCI_CONFIG, "an/image"), Ok(()));
    let artifacts = [
        ("application/vnd.cncf.helm.config.v1+json", "", "application/vnd.cncf.helm.config.v1+json"),
        ("application/vnd.docker.plugin.v1+json", "", "application/vnd.docker.plugin.v1+json"),
        ("application/vnd.oci.empty.v1+json", "", "application/vnd.oci.empty.v1+json"),
        ("application/vnd.oci.empty.v1+json", "a/signature", "a/signature"),
        ("application/octet-stream", "a/signature", "a/signature"),
    ];
    for (config, artifact_type, named) in artifacts {
        let refused = ModelError::NotAnImage { digest: digest("a"), media_type: named.into() };
        assert_eq!(check(config, artifact_type), Err(refused), "{config} {artifact_type}");
    }
}

#[test]
fn layers_that_cannot_be_unpacked_are_named() {
    let check = |media_type: &str| {
        let config = Descriptor { media_type: OCI_CONFIG.into(), ..described(&digest("a")) };
        let layers = vec![Descriptor { media_type: media_type.into(), ..described(&digest("b")) }];
        Manifest { config, layers, ..Manifest::default() }.check()
    };
    assert_eq!(check("application/octet-stream"), Ok(()));
    let told = ["application/vnd.in-toto+json", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"]
        .map(|kind| check(kind).unwrap_err().to_string().replace(&digest("b"), "DIGEST"))
        .join("\n");
    expect![[r#"
        layer DIGEST has media type "application/vnd.in-toto+json", which cannot be unpacked
        layer DIGEST is encrypted (media type "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), which is not supported"#]].assert_eq(&told);
}

#[test]
fn bytes_are_held_against_digests_of_every_kind() {
    let of = |digest: &str| described(digest).is_of(b"");
    assert!(of("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert!(!of(&digest("a")));
    let sha512 = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    assert!(of(sha512));
    assert!(!described(sha512).is_of(b"x"));
    assert!(!of("md5:d41d8cd98f00b204e9800998ecf8427e"));
}
