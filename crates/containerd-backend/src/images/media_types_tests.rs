//! Tests of media types.

use super::*;

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
fn layers_are_unpacked_by_what_they_are() {
    const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    let (gzip, zstd) = (format!("{OCI_LAYER}+gzip"), format!("{OCI_LAYER}+zstd"));
    for (media_type, magic, expected) in [
        (OCI_LAYER, GZIP, gzip.as_str()),
        (OCI_LAYER, ZSTD, &zstd),
        (OCI_LAYER, b"bin/", OCI_LAYER),
        (OCI_LAYER, b"", OCI_LAYER),
        (VAGUE, GZIP, &gzip),
        (VAGUE, b"bin/", OCI_LAYER),
        (&gzip, b"", &gzip),
        (&format!("{DOCKER_LAYER}.zstd"), b"", &zstd),
        (DOCKER_LAYER, GZIP, DOCKER_LAYER),
    ] {
        assert_eq!(layer_for_differ(media_type, magic), expected, "{media_type} {magic:?}");
    }
}
