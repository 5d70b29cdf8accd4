//! Media types of what images consist of (OCI image spec 1.1, Docker image manifest v2.2).

/// Docker's manifest list.
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's manifest.
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's image configuration.
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's layer, not compressed.
pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// OCI's index.
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI's manifest.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI's image configuration.
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Beginnings of the media types of layers; what follows names the compression.
pub(super) const LAYERS: [&str; 4] =
    [DOCKER_LAYER, "application/vnd.docker.image.rootfs.foreign.diff.tar", OCI_LAYER, OCI_FOREIGN_LAYER];
/// OCI's layer, not compressed.
pub(super) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// OCI's layer that is not to be passed on, not compressed.
pub(super) const OCI_FOREIGN_LAYER: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// Signed and unsigned forms of Docker's first manifest.
pub(super) const SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
/// Media types of configurations that are none by their names, but are taken for it, as docker does: older registries
/// and tools wrote them.
pub(super) const VAGUE_CONFIGS: [&str; 4] = [VAGUE, "application/json", "text/html", ""];
/// A media type that says nothing.
pub(super) const VAGUE: &str = "application/octet-stream";
/// End of the media type of an encrypted layer.
pub(super) const ENCRYPTED: &str = "+encrypted";

/// A layer's media type, with an optional `.gzip`, `+gzip` or the like.
pub(super) fn is_layer(media_type: &str) -> bool {
    let compressions = ["", "gzip", "zstd"];
    LAYERS.iter().any(|layer| {
        media_type.strip_prefix(layer).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(['.', '+']).is_some_and(|name| compressions.contains(&name))
        })
    })
}

/// The layer in words that containerd's differ unpacks by: it knows less types than there are, and takes the one for an
/// archive without compression at its word. `magic` are the first bytes of the layer.
pub(crate) fn layer_for_differ(media_type: &str, magic: &[u8]) -> String {
    let is_zstd = media_type == format!("{DOCKER_LAYER}.zstd");
    let is_plain = [VAGUE, OCI_LAYER, OCI_FOREIGN_LAYER].contains(&media_type);
    match magic {
        _ if is_zstd => format!("{OCI_LAYER}+zstd"),
        [0x1f, 0x8b, ..] if is_plain => format!("{OCI_LAYER}+gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] if is_plain => format!("{OCI_LAYER}+zstd"),
        _ if media_type == VAGUE => OCI_LAYER.to_owned(),
        _ => media_type.to_owned(),
    }
}

/// Whether the first bytes of a layer have to be looked at before it is unpacked.
pub(crate) fn is_plain_layer(media_type: &str) -> bool {
    [VAGUE, OCI_LAYER, OCI_FOREIGN_LAYER].contains(&media_type)
}

#[cfg(test)]
#[path = "media_types_tests.rs"]
mod tests;
