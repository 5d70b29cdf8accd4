//! Images as some tools make them, which other clients run.

use serde_json::{Value, json};

use crate::archives::{Blob, Layout, Packing, architecture, bytes_of, digest, packed, tar_of};
use crate::fixture::Room;
use crate::registry::Registry;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

fn registry_of(layout: Layout, root: &Value) -> impl Future<Output = Registry> {
    let root = root.clone();
    async move { Registry::start(layout, &[("1", &root)], &[]).await }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn an_empty_entry_point_is_none_and_volumes_are_told() {
    let room = Room::new("odd-config");
    let mut layout = Layout::default();
    let tar = tar_of(&[("data".into(), b"odd-config".to_vec())]);
    let layer = layout.add(LAYER, tar.clone());
    let config = json!({
        "config": { "Entrypoint": [""], "cmd": ["/bin/sh"], "Volumes": { "/seeded": {}, "/data": null } },
        "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
    });
    let root = layout.add_odd_image(config, &json!([layer]));
    let registry = registry_of(layout, &root).await;
    let image = room.image(&registry.reference("1")).await.unwrap();
    assert_eq!((image.entrypoint, image.cmd), (vec![], vec!["/bin/sh".to_owned()]));
    assert_eq!(image.volumes, ["/data", "/seeded"]);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn null_in_the_place_of_lists_is_an_image_without_layers() {
    let room = Room::new("odd-nulls");
    let mut layout = Layout::default();
    let config = json!({
        "config": { "Env": ["PATH=/"], "Cmd": null, "Entrypoint": null, "Volumes": null, "OnBuild": null },
        "rootfs": { "type": "layers", "diff_ids": null },
        "history": [{ "created_by": "LABEL test=1", "empty_layer": true }],
    });
    let root = layout.add_odd_image(config, &json!(null));
    layout.name(&root, "registry.invalid/odd/nulls:1");
    let archive = room.directory.path().join("nulls.tar");
    layout.write(&archive);
    let registry = registry_of(layout, &root).await;
    let image = room.image(&registry.reference("1")).await.unwrap();
    assert_eq!((image.chain_id.as_str(), image.env), ("", vec!["PATH=/".to_owned()]));
    room.import(&archive, "overlayfs").await.unwrap();
    assert_eq!(room.image("registry.invalid/odd/nulls:1").await.unwrap().chain_id, "");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn what_stands_beside_an_image_in_an_index_is_not_asked_for() {
    let room = Room::new("odd-index");
    let mut layout = Layout::default();
    let tar = tar_of(&[("data".into(), b"odd-index".to_vec())]);
    let own = layout.add_image(architecture(), &[(tar, Packing::Gzip)]);
    let foreign = layout.add_image("s390x", &[(tar_of(&[("other".into(), vec![])]), Packing::Gzip)]);
    let mut described = |media_type: &str, document: Value| layout.add(media_type, bytes_of(&document));
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let empty = described("application/vnd.oci.empty.v1+json", json!({}));
    let signature = described(
        manifest,
        json!({ "schemaVersion": 2, "mediaType": manifest, "artifactType": "a/signature", "config": empty,
                "layers": [empty] }),
    );
    let mut attestation = described(manifest, json!({ "schemaVersion": 2, "config": empty, "layers": [] }));
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let mut entries = vec![attestation.clone(), signature.clone()];
    for (architecture, mut entry) in [("s390x", foreign), (architecture(), own.clone())] {
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        entries.push(entry);
    }
    let index = "application/vnd.oci.image.index.v1+json";
    let root = described(index, json!({ "schemaVersion": 2, "mediaType": index, "manifests": entries }));
    let registry = registry_of(layout, &root).await;
    room.image(&registry.reference("1")).await.unwrap();
    room.assert_whole(&registry.reference("1"));
    let asked: Vec<String> = registry.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked.len(), 4, "an index, a manifest, a configuration and a layer: {asked:#?}");
    assert!(asked[1].ends_with(own["digest"].as_str().unwrap()), "{asked:#?}");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn types_that_say_little_or_something_else_do_not_matter() {
    let room = Room::new("odd-types");
    let files = |name: &str| tar_of(&[(format!("{name}-file"), name.as_bytes().to_vec())]);
    let layers = [
        (LAYER, Packing::Gzip),
        (LAYER, Packing::Zstd),
        (LAYER, Packing::Plain),
        ("application/octet-stream", Packing::Gzip),
        ("application/vnd.docker.image.rootfs.diff.tar", Packing::Gzip),
        ("application/vnd.docker.image.rootfs.diff.tar.zstd", Packing::Zstd),
    ];
    let (mut layout, mut entries, mut diff_ids) = (Layout::default(), Vec::new(), Vec::new());
    for (number, (media_type, packing)) in layers.iter().enumerate() {
        let tar = files(&format!("odd-types-{number}"));
        diff_ids.push(digest(&tar));
        entries.push(layout.add(media_type, packed(&tar, *packing)));
    }
    let config = json!({
        "architecture": architecture(), "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = layout.add("application/octet-stream", bytes_of(&config));
    let manifest = bytes_of(&json!({ "schemaVersion": 2, "config": config, "layers": entries }));
    let root = json!({ "digest": digest(&manifest) });
    // A proxy calls the manifest a page.
    layout.blobs.insert(digest(&manifest), Blob { media_type: "text/html".into(), bytes: manifest });
    let registry = registry_of(layout, &root).await;
    let image = room.image(&registry.reference("1")).await.unwrap();
    assert_eq!(image.digest, root["digest"].as_str().unwrap());
    let again = room.image(&registry.reference("1")).await.unwrap();
    assert_eq!(again, image, "it is there now");
}
