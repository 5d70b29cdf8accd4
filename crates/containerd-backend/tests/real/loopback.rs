//! Registries of this host, with TLS and without.

use crate::auth::{BASIC, alice, ask, basic, image, storage_behind_a_redirect, with_blobs_at};
use crate::fixture::{Room, soon};
use crate::registry::{Guard, Registry};

fn nobody() -> Guard {
    Box::new(|_| None)
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_of_this_host_may_speak_tls_with_any_certificate() {
    let room = Room::new("tls");
    let (layout, root) = image("tls");
    let registry = Registry::secure(layout.clone(), &[("1", &root)], nobody()).await;
    room.image(&registry.reference("1")).await.unwrap();
    room.assert_whole(&registry.reference("1"));
    let by_name = registry.reference("1").replace("127.0.0.1", "localhost");
    room.image(&by_name).await.unwrap();

    let registry = Registry::secure(layout, &[("1", &root)], basic(BASIC)).await;
    ask(&room, &registry.reference("1"), &[alice()]).await.unwrap();
    room.assert_whole(&registry.reference("1"));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_plain_registry_of_this_host_is_asked_over_tls_once() {
    let room = Room::new("plain");
    let (layout, root) = image("plain");
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    soon("the pull", room.image(&registry.reference("1"))).await.unwrap();
    assert_eq!(registry.handshakes(), 1);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_plain_registry_may_keep_its_blobs_at_another_port() {
    let room = Room::new("plain-storage");
    let (layout, root) = image("plain-storage");
    let (storage, elsewhere) = storage_behind_a_redirect(&layout).await;
    let registry = Registry::guarded(layout, &[("1", &root)], &[], with_blobs_at(elsewhere, nobody())).await;
    room.image(&registry.reference("1")).await.unwrap();
    assert!(!storage.seen().is_empty());
}
