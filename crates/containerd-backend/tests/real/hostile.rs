//! Pulls from registries that mean harm, or say what cannot be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use driver_core::ports::{ContainersError, ImageRequest};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::archives::{Layout, Packing, architecture, digest, tar_of};
use crate::daemon::Daemon;
use crate::fixture::{Room, request, soon};
use crate::registry::{Fault, Guard, Registry, http_with};

/// More than any document may have, and what is under way in the buffers of two sockets.
const BOUNDED: u64 = 24 << 20;

/// An image with one layer of a megabyte; gives also the layer's digest.
fn one_layer(salt: &str) -> (Layout, Value, String) {
    let mut layout = Layout::default();
    let tar = tar_of(&[("data".into(), vec![b'd'; 1 << 20]), ("salt".into(), salt.into())]);
    let root = layout.add_image(architecture(), &[(tar.clone(), Packing::Plain)]);
    (layout, root, digest(&tar))
}

/// What an operator reads of a pull that failed, and whether another one may succeed. Nothing of it is left.
async fn refusal(room: &Room, registry: &Registry) -> String {
    let error = soon("a refusal", room.image(&registry.reference("1"))).await.unwrap_err();
    room.emptied().await;
    told(&error, registry)
}

fn told(error: &ContainersError, registry: &Registry) -> String {
    let kind = match error {
        ContainersError::ImageRefused { .. } => "final",
        ContainersError::PullInterrupted { .. } => "passing",
        _ => "other",
    };
    format!("{kind}: {error}").replace(&registry.domain, "HOST")
}

async fn check_fault(name: &str, fault: impl FnOnce(&str) -> Fault, expected: Expect) {
    let room = Room::new(name);
    let (layout, root, layer) = one_layer(name);
    let config = layout.blobs.iter().find(|(_, blob)| blob.media_type.contains("config"));
    let config = config.expect("a configuration").0.clone();
    let fault = fault(&layer);
    let registry = Registry::start(layout, &[("1", &root)], &[fault]).await;
    let said = refusal(&room, &registry).await.replace(&layer, "LAYER").replace(&config, "CONFIG");
    let said = match said.split_once("77") {
        Some((before, _)) => format!("{before}7…"),
        None => said,
    };
    expected.assert_eq(&said);
    assert!(registry.sent() < BOUNDED, "{} bytes went out", registry.sent());
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn documents_without_an_end_are_left_at_their_limit() {
    check_fault(
        "endless-manifest",
        |_| Fault::Endless("/manifests/", 200),
        expect!["final: image HOST/test:1: HOST gives a manifest of more than 4393216 bytes"],
    )
    .await;
    check_fault(
        "endless-error",
        |_| Fault::Endless("/manifests/", 404),
        expect!["final: image HOST/test:1: not found in the registry: 7…"],
    )
    .await;
    check_fault(
        "endless-blob",
        |_| Fault::Endless("/blobs/", 200),
        expect!["passing: image HOST/test:1 could not be pulled: more than the 288 bytes of CONFIG arrive"],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn layers_that_are_not_as_long_as_they_are_said_to_be_end_the_pull() {
    check_fault(
        "short",
        |layer| Fault::Shorten(layer.to_owned(), 1000),
        expect!["passing: image HOST/test:1 could not be pulled: LAYER ended after 1050136 of 1051136 bytes"],
    )
    .await;
    let room = Room::new("long");
    let mut layout = Layout::default();
    let tar = tar_of(&[("data".into(), vec![b'l'; 1 << 20])]);
    let mut layer = layout.add("application/vnd.oci.image.layer.v1.tar", tar.clone());
    layer["size"] = json!(1000);
    let rootfs = json!({ "rootfs": { "diff_ids": [digest(&tar)] } });
    let root = layout.add_odd_image(rootfs, &json!([layer]));
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    let said = refusal(&room, &registry).await.replace(&digest(&tar), "LAYER");
    expect!["passing: image HOST/test:1 could not be pulled: LAYER: more than its 1000 bytes arrive"]
        .assert_eq(&said);
}

/// The image's layers as its manifest says that they are; none of them is there.
async fn check_layers(name: &str, layers: Value, expected: Expect) -> Registry {
    let room = Room::new(name);
    let mut layout = Layout::default();
    let diff_ids: Vec<String> =
        (0..layers.as_array().unwrap().len()).map(|_| digest(name.as_bytes())).collect();
    let root = layout.add_odd_image(json!({ "rootfs": { "diff_ids": diff_ids } }), &layers);
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    let said = refusal(&room, &registry).await;
    let said = said.split_once(" bytes, and ").map_or(said.clone(), |(before, _)| format!("{before} …"));
    expected.assert_eq(&said.replace(root["digest"].as_str().unwrap(), "ROOT"));
    registry
}

fn layer(number: u64, size: i64) -> Value {
    let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    json!({ "mediaType": media_type, "digest": digest(&number.to_le_bytes()), "size": size })
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn layers_that_the_disk_has_no_room_for_are_not_begun() {
    let layers = json!([layer(1, 16 << 40), layer(2, 16 << 40), layer(2, 16 << 40)]);
    let registry = check_layers(
        "no-room",
        layers,
        expect!["passing: image HOST/test:1 could not be pulled: its layers need 35184372088832 …"],
    )
    .await;
    assert_eq!(registry.blobs_seen().len(), 1, "the configuration alone");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn absurd_manifests_are_refused() {
    check_layers("negative", json!([layer(1, -1)]), expect!["final: image HOST/test:1: manifest ROOT cannot be read: -1 is not the size of anything in bytes at line 1 column 323"]).await;
    check_layers("too-large", json!([layer(1, (16 << 40) + 1)]), expect!["final: image HOST/test:1: manifest ROOT cannot be read: 17592186044417 is not the size of anything in bytes at line 1 column 335"]).await;
    let many: Vec<Value> = (0..501).map(|number| layer(number, 1)).collect();
    check_layers("too-many", json!(many), expect!["final: image HOST/test:1: manifest ROOT cannot be read: more than 500 layers at line 1 column 76325"]).await;
    let mut astray = layer(1, 1);
    astray["digest"] = json!("../../../v2/other/blobs/x");
    check_layers(
        "astray",
        json!([astray]),
        expect![[
            r#"final: image HOST/test:1: a layer has the digest "../../../v2/other/blobs/x", which is none"#
        ]],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_layer_that_is_there_is_no_configuration() {
    let room = Room::new("layer-as-config");
    let mut layout = Layout::default();
    let tar = tar_of(&[("data".into(), vec![b'c'; 12 << 20])]);
    let good = layout.add_image(architecture(), &[(tar.clone(), Packing::Plain)]);
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&tar), "size": 100,
    });
    let bad = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [] });
    let bad = layout.add(media_type, bad.to_string().into_bytes());
    let registry = Registry::start(layout, &[("1", &good), ("2", &bad)], &[]).await;
    room.image(&registry.reference("1")).await.unwrap();
    let error = room.image(&registry.reference("2")).await.unwrap_err();
    expect!["passing: image HOST/test:2 could not be pulled: more than the 100 bytes of LAYER arrive"]
        .assert_eq(&told(&error, &registry).replace(&digest(&tar), "LAYER"));
}

/// A guard that sends those who ask for blobs to an address.
fn blobs_at(location: &str) -> Guard {
    let location = location.to_owned();
    Box::new(move |seen| {
        let moved = || http_with(307, &[("location", &location)], b"");
        seen.path.contains("/blobs/").then(moved)
    })
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_sends_nobody_to_the_link_or_off_tls() {
    let room = Room::new("metadata");
    let (layout, root, _) = one_layer("metadata");
    let guard = blobs_at("http://169.254.169.254/latest/meta-data/iam/?x=secret");
    let registry = Registry::guarded(layout.clone(), &[("1", &root)], &[], guard).await;
    expect!["final: image HOST/test:1: the registry leads to 169.254.169.254, a link-local address; only one at such an address may do that"].assert_eq(&refusal(&room, &registry).await);
    let plain = Registry::start(layout.clone(), &[], &[]).await;
    let guard = blobs_at(&format!("http://{}/v2/test/blobs/x?x=secret", plain.domain));
    let registry = Registry::secure(layout, &[("1", &root)], guard).await;
    expect![
        "final: image HOST/test:1: the registry redirects from https to http, at PLAIN, which is not followed"
    ]
    .assert_eq(&refusal(&room, &registry).await.replace(&plain.domain, "PLAIN"));
    assert_eq!(plain.seen(), []);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn layers_are_asked_of_the_registry_alone() {
    let room = Room::new("foreign");
    let (mut layout, elsewhere) = (Layout::default(), Registry::start(Layout::default(), &[], &[]).await);
    let tar = tar_of(&[("data".into(), b"foreign".to_vec())]);
    let mut layer = layout.add("application/vnd.docker.image.rootfs.foreign.diff.tar", tar.clone());
    layer["urls"] = json!([format!("http://{}/v2/test/blobs/x", elsewhere.domain)]);
    let root = layout.add_odd_image(json!({ "rootfs": { "diff_ids": [digest(&tar)] } }), &json!([layer]));
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    room.image(&registry.reference("1")).await.unwrap();
    assert_eq!(elsewhere.seen(), []);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_web_page_in_the_place_of_a_document_may_go_away() {
    for (name, part, expected) in [
        (
            "page-manifest",
            "/manifests/",
            expect![
                "passing: image HOST/test:1 could not be pulled: HOST gives a web page in the place of a manifest: a proxy or a login page may be in the way"
            ],
        ),
        (
            "page-blob",
            "/blobs/",
            expect![
                "passing: image HOST/test:1 could not be pulled: HOST gives a web page in the place of CONFIG: a proxy or a login page may be in the way"
            ],
        ),
    ] {
        let room = Room::new(name);
        let (layout, root, _) = one_layer(name);
        let config = layout.blobs.iter().find(|(_, blob)| blob.media_type.contains("config"));
        let config = config.unwrap().0.clone();
        let guard: Guard = Box::new(move |seen| {
            let page =
                || http_with(200, &[("content-type", "text/html; charset=utf-8")], b"\n<html>log in</html>");
            seen.path.contains(part).then(page)
        });
        let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
        expected.assert_eq(&refusal(&room, &registry).await.replace(&config, "CONFIG"));
    }
}

/// An image whose first layer is there, and whose second one never ends; and the registry that has it.
async fn endless_layer(salt: &str) -> Registry {
    let mut layout = Layout::default();
    let first = tar_of(&[("first".into(), salt.into())]);
    let first = (digest(&first), layout.add("application/vnd.oci.image.layer.v1.tar", first));
    let second = digest(format!("no such layer {salt}").as_bytes());
    let second = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": format!("sha256:e0d{}", &second[10..]), "size": 1_u64 << 30,
    });
    let rootfs = json!({ "rootfs": { "diff_ids": [first.0, second["digest"]] } });
    let root = layout.add_odd_image(rootfs, &json!([first.1, second]));
    Registry::start(layout, &[("1", &root)], &[Fault::Endless("sha256:e0d", 200)]).await
}

/// Returns when the first layer is unpacked and a part of the second is there.
async fn under_way(room: &Room) {
    let under_way = async {
        while room.ctr(&["snapshots", "list"]).lines().count() < 2
            || room.ctr(&["content", "active"]).lines().count() < 2
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("a pull under way", under_way).await;
}

/// The files and directories of a content store and of overlayfs' snapshots.
fn files(root: &Path) -> Vec<PathBuf> {
    let directories = [
        "content.v1.content/blobs/sha256",
        "content.v1.content/ingest",
        "snapshotter.v1.overlayfs/snapshots",
    ];
    let listed = directories
        .iter()
        .filter_map(|name| std::fs::read_dir(root.join(format!("io.containerd.{name}"))).ok());
    listed.flat_map(|entries| entries.map(|entry| entry.expect("an entry").path())).collect()
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_pull_ends_when_nobody_waits_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path());
    let room = Room::at(&daemon.address, "nobody-waits");
    let registry = endless_layer("nobody waits").await;
    let (port, reference) = (room.port.clone(), registry.reference("1"));
    let pull = tokio::spawn(async move { port.image(&request(&reference), &|_| {}).await });
    under_way(&room).await;
    pull.abort();
    soon("the end of the download", registry.left()).await;
    room.emptied().await;
    let root = directory.path().join("root");
    let emptied = async {
        while !files(&root).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let emptied = tokio::time::timeout(Duration::from_secs(20), emptied).await;
    assert!(emptied.is_ok(), "{:#?}", files(&root));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_pull_ends_with_the_time_of_the_last_one_who_waits() {
    let (room, registry) = (Room::new("last-waits"), endless_layer("last waits").await);
    let wait = |timeout| {
        let request = ImageRequest { timeout, ..request(&registry.reference("1")) };
        let port = room.port.clone();
        tokio::spawn(async move { port.image(&request, &|_| {}).await })
    };
    let (short, long) = (wait(Duration::from_secs(1)), wait(Duration::from_secs(4)));
    let error = short.await.unwrap().unwrap_err();
    expect!["passing: image HOST/test:1 could not be pulled: it did not arrive within 1s"]
        .assert_eq(&told(&error, &registry));
    under_way(&room).await;
    assert!(!long.is_finished(), "the pull was to go on for the other one");
    long.await.unwrap().unwrap_err();
    soon("the end of the download", registry.left()).await;
    room.emptied().await;
}
