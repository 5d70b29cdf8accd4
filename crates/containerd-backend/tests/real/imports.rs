//! Images out of archives.

use std::path::PathBuf;

use driver_core::ports::{ContainersError, Image};
use serde_json::json;

use crate::archives::{self, Layout, Packing, architecture, busybox_layers, bytes_of, digest, tar_of};
use crate::fixture::{IMAGE, Room};

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn an_archive_gives_whole_images_that_need_no_registry() {
    let room = Room::new("import");
    let archive = room.directory.path().join("image.tar");
    let names = [IMAGE, "docker.io/library/other:2"];
    let layout = archives::busybox_layout(&names);
    layout.write(&archive);
    assert_eq!(room.import(&archive, "overlayfs").await.unwrap(), names);
    for name in names {
        room.assert_whole(name);
    }
    room.assert_no_lease();
    let image = room.image("other:2").await.unwrap();
    let expected = Image {
        name: "docker.io/library/other:2".into(),
        digest: layout.manifests[0]["digest"].as_str().unwrap().into(),
        chain_id: image.chain_id.clone(),
        entrypoint: vec!["/bin/sh".into()],
        cmd: vec!["-c".into(), "true".into()],
        env: vec!["PATH=/bin".into(), "A=1".into()],
        volumes: vec![],
        user: "7:8".into(),
        working_dir: "/srv".into(),
        stop_signal: "SIGINT".into(),
    };
    assert_eq!(image, expected);
    assert_eq!(room.import(&archive, "overlayfs").await.unwrap(), names, "a second import changes nothing");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn an_image_that_is_not_unpacked_for_the_snapshotter_is_unpacked_without_a_registry() {
    let room = Room::new("repack");
    let archive = room.directory.path().join("image.tar");
    archives::busybox_layout(&[IMAGE]).write(&archive);
    room.import(&archive, "native").await.unwrap();
    let image = room.image(IMAGE).await.unwrap();
    let snapshots = room.ctr(&["snapshots", "--snapshotter", "overlayfs", "list"]);
    assert!(snapshots.contains(&image.chain_id), "{snapshots}");
    room.assert_whole(IMAGE);
    room.assert_no_lease();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn what_docker_saved_is_imported() {
    let room = Room::new("docker");
    let archive = docker_archive(&room);
    assert_eq!(room.import(&archive, "overlayfs").await.unwrap(), ["docker.io/library/saved:1"]);
    room.assert_whole("docker.io/library/saved:1");
    assert_eq!(room.image("saved:1").await.unwrap().entrypoint, ["/bin/sh"]);
}

/// As `docker save` wrote it before it wrote layouts: unpacked layers, one of them a link to another.
fn docker_archive(room: &Room) -> PathBuf {
    let layers: Vec<Vec<u8>> = busybox_layers("docker").into_iter().map(|(tar, _)| tar).collect();
    let diff_ids: Vec<String> = [0, 1, 0].map(|layer| digest(&layers[layer])).to_vec();
    let config = json!({
        "architecture": architecture(), "os": "linux", "config": { "Entrypoint": ["/bin/sh"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let list = json!([{
        "Config": "c.json", "RepoTags": ["saved:1"], "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"],
    }]);
    let mut builder = tar::Builder::new(tar_of(&[
        ("a/layer.tar".into(), layers[0].clone()),
        ("b/layer.tar".into(), layers[1].clone()),
        ("c.json".into(), bytes_of(&config)),
        ("manifest.json".into(), bytes_of(&list)),
    ]));
    // The end of an archive is two empty blocks; what follows them is not read.
    let end = builder.get_ref().len() - 1024;
    builder.get_mut().truncate(end);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "c/layer.tar", "../a/layer.tar").unwrap();
    let path = room.directory.path().join("saved.tar");
    std::fs::write(&path, builder.into_inner().unwrap()).unwrap();
    path
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn an_image_for_another_platform_is_refused() {
    let room = Room::new("platform");
    let archive = room.directory.path().join("image.tar");
    let mut layout = Layout::default();
    let root = layout.add_image("s390x", &[(tar_of(&[]), Packing::Plain)]);
    layout.name(&root, IMAGE);
    layout.write(&archive);
    let error = room.import(&archive, "overlayfs").await.unwrap_err();
    let host = architecture();
    let expected = format!("image {IMAGE}: it has no image for linux/{host}; it is for linux/s390x");
    assert_eq!(error.to_string(), expected);
    assert!(
        matches!(room.image(IMAGE).await, Err(ContainersError::PullInterrupted { .. })),
        "nothing was recorded"
    );
    room.assert_no_lease();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_layer_that_is_not_what_the_configuration_says_is_refused() {
    let room = Room::new("diffid");
    let archive = room.directory.path().join("image.tar");
    let mut layout = Layout::default();
    let honest = tar_of(&[("file".into(), b"honest".to_vec())]);
    let root = layout.add_image(architecture(), &[(honest.clone(), Packing::Gzip)]);
    // The same configuration over another layer.
    let mut forged = Layout::default();
    let other = tar_of(&[("file".into(), b"forged".to_vec())]);
    let layer = forged.add("application/vnd.oci.image.layer.v1.tar", other);
    let manifest = &layout.blobs[root["digest"].as_str().unwrap()].bytes;
    let mut manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    manifest["layers"] = json!([layer]);
    let config = layout.blobs[manifest["config"]["digest"].as_str().unwrap()].bytes.clone();
    forged.add("application/vnd.oci.image.config.v1+json", config);
    let root = forged.add("application/vnd.oci.image.manifest.v1+json", bytes_of(&manifest));
    forged.name(&root, IMAGE);
    forged.write(&archive);
    let error = room.import(&archive, "overlayfs").await.unwrap_err().to_string();
    assert!(error.ends_with(&format!("but the configuration says {}", digest(&honest))), "{error}");
    assert_eq!(room.ctr(&["images", "list", "--quiet"]), "");
}
