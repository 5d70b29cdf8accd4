//! Pulls from registries that misbehave.

use std::time::Duration;

use driver_core::ports::{ContainersError, ImageRequest};
use expect_test::{Expect, expect};

use crate::archives::{Layout, Packing, architecture, tar_of};
use crate::fixture::{Room, request};
use crate::registry::{Fault, Registry};

/// An image with one layer of a megabyte that does not compress; gives also the layer's digest.
fn one_layer(seed: u8) -> (Layout, serde_json::Value, String) {
    let mut layout = Layout::default();
    let tar = tar_of(&[("data".into(), vec![seed; 1 << 20])]);
    let root = layout.add_image(architecture(), &[(tar.clone(), Packing::Plain)]);
    (layout, root, crate::archives::digest(&tar))
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_download_that_breaks_off_goes_on_where_it_ended() {
    let room = Room::new("break");
    let (layout, root, layer) = one_layer(1);
    let registry = Registry::start(layout, &[("1", &root)], &[Fault::BreakOff(layer.clone(), 700_000)]).await;
    room.image(&registry.reference("1")).await.unwrap();
    let mut seen = registry.blobs_seen();
    seen.retain(|seen| seen.path.ends_with(&layer));
    let from: Vec<Option<u64>> = seen.iter().map(|seen| seen.from).collect();
    assert_eq!(from, [None, Some(700_000)]);
    room.assert_whole(&registry.reference("1"));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn bytes_that_are_wrong_are_fetched_once_more() {
    let room = Room::new("corrupt");
    let (layout, root, layer) = one_layer(2);
    let registry = Registry::start(layout, &[("1", &root)], &[Fault::Corrupt(layer, 1)]).await;
    room.image(&registry.reference("1")).await.unwrap();
    room.assert_whole(&registry.reference("1"));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn bytes_that_stay_wrong_end_the_pull() {
    let room = Room::new("corrupt-twice");
    let (layout, root, layer) = one_layer(3);
    let faults = [Fault::Corrupt(layer, 2)];
    let registry = Registry::start(layout, &[("1", &root)], &faults).await;
    let error = room.image(&registry.reference("1")).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    room.assert_no_lease();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_that_recovers_soon_is_asked_again() {
    let room = Room::new("busy");
    let (layout, root, _) = one_layer(4);
    let registry = Registry::start(layout, &[("1", &root)], &[Fault::Status(503, 2)]).await;
    room.image(&registry.reference("1")).await.unwrap();
}

/// Asks a registry with one fault for an image and compares the refusal, its port left out.
async fn check(name: &str, faults: &[Fault], tag: &str, expected: Expect) {
    let room = Room::new(name);
    let (layout, root, _) = one_layer(5);
    let registry = Registry::start(layout, &[("1", &root)], faults).await;
    let error = room.image(&registry.reference(tag)).await.unwrap_err();
    let kind = match error {
        ContainersError::ImageRefused { .. } => "final",
        ContainersError::PullInterrupted { .. } => "passing",
        _ => "other",
    };
    expected.assert_eq(&format!("{kind}: {error}").replace(&registry.domain, "HOST"));
    room.assert_no_lease();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn refusals_say_whether_asking_again_helps() {
    check("missing", &[], "2", expect!["final: image HOST/test:2: not found in the registry: unknown"]).await;
    let denied = expect!["final: image HOST/test:1: access denied: it does not exist, or needs credentials"];
    check("denied", &[Fault::Status(401, 99)], "1", denied).await;
    let unavailable =
        expect!["passing: image HOST/test:1 could not be pulled: the registry answered 503 planted"];
    check("unavailable", &[Fault::Status(503, 99)], "1", unavailable).await;
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_that_is_not_there_may_come_back() {
    let room = Room::new("nobody");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = room.image(&format!("127.0.0.1:{port}/test:1")).await.unwrap_err();
    assert!(matches!(error, ContainersError::PullInterrupted { .. }), "{error}");
    let error = room.image("UPPER").await.unwrap_err();
    assert!(matches!(error, ContainersError::ImageRefused { .. }), "{error}");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_pull_ends_at_its_deadline_and_leaves_no_lease() {
    let room = Room::new("deadline");
    let (layout, root, _) = one_layer(6);
    let registry = Registry::start(layout, &[("1", &root)], &[Fault::Gate]).await;
    let timeout = Duration::from_millis(300);
    let request = ImageRequest { timeout, ..request(&registry.reference("1")) };
    let error = room.port.image(&request, &|_| {}).await.unwrap_err();
    assert!(matches!(error, ContainersError::PullInterrupted { .. }), "{error}");
    crate::fixture::soon("the end of the lease", async {
        while !room.ctr(&["leases", "list", "--quiet"]).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
