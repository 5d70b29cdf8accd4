//! Pulls that succeed.

use std::sync::Mutex;

use driver_core::ports::Progress;

use crate::archives::{Layout, Packing, architecture, busybox_layers, busybox_layout, tar_of};
use crate::daemon::RegistryServer;
use crate::fixture::{Room, request, soon};
use crate::registry::{Fault, Registry};

/// An index with an image for this host and one for another.
fn index(salt: &str) -> (Layout, serde_json::Value) {
    let mut layout = Layout::default();
    let own = layout.add_image(architecture(), &busybox_layers(salt));
    let other = layout.add_image("s390x", &[(tar_of(&[("other".into(), salt.into())]), Packing::Gzip)]);
    let index = layout.add_index(&[("s390x", other), (architecture(), own)]);
    (layout, index)
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_pull_makes_the_image_for_this_host_whole() {
    let room = Room::new("pull");
    let (layout, root) = index("pull");
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    let reference = registry.reference("1");
    let events = Mutex::new(Vec::new());
    let image =
        room.port.image(&request(&reference), &|event| events.lock().unwrap().push(event)).await.unwrap();
    assert_eq!(image.digest, root["digest"]);
    assert_eq!(image.name, reference);
    let events = events.into_inner().unwrap();
    let [Progress::PullStarted { image: started }, Progress::PullDone(report)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((started, &report.image), (&reference, &reference));
    assert!(report.bytes > 500_000, "{report:?}");
    assert_eq!(registry.blobs_seen().len(), 4, "a configuration and three layers, once each");
    room.assert_whole(&reference);
    room.assert_no_lease();
    let labels = room.ctr(&["content", "list"]);
    let origin = format!("containerd.io/distribution.source.{}=test", registry.domain);
    assert!(labels.lines().skip(1).all(|line| line.contains(&origin)), "{labels}");

    drop(registry);
    let again = room.image(&reference).await.expect("what is there needs no registry");
    assert_eq!(again, image);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn all_who_want_an_image_share_one_pull_and_may_leave_it() {
    let room = Room::new("shared");
    let (layout, root) = index("shared");
    let registry = Registry::start(layout, &[("1", &root)], &[Fault::Gate]).await;
    let reference = registry.reference("1");
    let ask = || {
        let (port, reference) = (room.port.clone(), reference.clone());
        tokio::spawn(async move { port.image(&request(&reference), &|_| {}).await })
    };
    let (first, second, third) = (ask(), ask(), ask());
    soon("the first request for a blob", async {
        while registry.blobs_seen().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    for _ in 0..4 {
        registry.open_gate();
        tokio::task::yield_now().await;
    }
    let opened = async {
        let (second, third) = tokio::join!(second, third);
        assert_eq!(second.unwrap().unwrap(), third.unwrap().unwrap());
    };
    let opening = async {
        loop {
            registry.open_gate();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon("the pull", async {
        tokio::select! {
            () = opened => {}
            () = opening => {}
        }
    })
    .await;
    assert_eq!(registry.blobs_seen().len(), 4);
    room.assert_whole(&reference);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_blob_that_another_namespace_has_is_not_fetched_again() {
    let (layout, root) = index("sharing");
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    let reference = registry.reference("1");
    let (one, two) = (Room::new("sharing-one"), Room::new("sharing-two"));
    one.image(&reference).await.unwrap();
    let before = registry.blobs_seen().len();
    two.image(&reference).await.unwrap();
    // The configuration is read to learn what there is; the layers are taken over.
    assert_eq!(registry.blobs_seen().len(), before + 1);
    two.assert_whole(&reference);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn an_image_by_digest_keeps_its_digest_in_the_name() {
    let room = Room::new("digest");
    let (layout, root) = index("digest");
    let registry = Registry::start(layout, &[], &[]).await;
    let digest = root["digest"].as_str().unwrap();
    let image = room.image(&format!("{}/test:ignored@{digest}", registry.domain)).await.unwrap();
    assert_eq!(image.name, format!("{}/test@{digest}", registry.domain));
    room.assert_whole(&image.name);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn an_image_without_layers_is_an_image() {
    let room = Room::new("empty");
    let mut layout = Layout::default();
    let root = layout.add_image(architecture(), &[]);
    let registry = Registry::start(layout, &[("1", &root)], &[]).await;
    let image = room.image(&registry.reference("1")).await.unwrap();
    assert_eq!(image.chain_id, "");
    let id = driver_core::request::ids::ContainerId::existing("empty");
    room.port.prepare_rootfs(&id, &image, &Default::default()).await.unwrap();
    room.port.purge(&id).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn the_distributions_own_registry_is_pulled_from() {
    let room = Room::new("distribution");
    let server = RegistryServer::start(room.directory.path()).await;
    let reference = push(&server.domain, None).await;
    let image = room.image(&reference).await.unwrap();
    assert_eq!(image.entrypoint, ["/bin/sh"]);
    room.assert_whole(&reference);
    room.assert_no_lease();
}

/// Pushes the test image as this user; gives its reference.
pub(crate) async fn push(domain: &str, user: Option<(&str, &str)>) -> String {
    let layout = busybox_layout(&["pushed"]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = async |request: reqwest::RequestBuilder| {
        let request = match user {
            Some((name, password)) => request.basic_auth(name, Some(password)),
            None => request,
        };
        request.send().await.unwrap().error_for_status().unwrap()
    };
    let base = format!("http://{domain}/v2/pushed/image");
    let root = layout.manifests[0]["digest"].as_str().unwrap();
    for (digest, blob) in layout.blobs.iter().filter(|(digest, _)| digest.as_str() != root) {
        let begun = sent(http.post(format!("{base}/blobs/uploads/"))).await;
        let mut place = begun.url().join(begun.headers()["location"].to_str().unwrap()).unwrap();
        place.query_pairs_mut().append_pair("digest", digest);
        sent(http.put(place).body(blob.bytes.clone())).await;
    }
    let manifest = &layout.blobs[root];
    let put = http.put(format!("{base}/manifests/1")).header("content-type", &manifest.media_type);
    sent(put.body(manifest.bytes.clone())).await;
    format!("{domain}/pushed/image:1")
}
