//! Pulls from registries that ask who is there.

use std::sync::{Arc, Mutex};

use driver_core::Credentials;
use driver_core::ports::{ContainersError, Image, ImageRequest};
use expect_test::{Expect, expect};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::archives::{Layout, architecture, busybox_layers};
use crate::daemon::RegistryServer;
use crate::fixture::{Room, request, soon};
use crate::pulls::push;
use crate::registry::{Fault, Guard, Registry, http_with};

/// The password of the user `alice`.
pub(crate) const PASSWORD: &str = "of-alice-0815";
/// What she sends where both are wanted with every request.
pub(crate) const BASIC: &str = "Basic YWxpY2U6b2YtYWxpY2UtMDgxNQ==";
/// Her line of an htpasswd file.
const HTPASSWD: &str = "alice:$2y$04$abcdefghijklmnopqrstuuo.olodWiVc2Hhz1EPcLBnQVMYPy4AmK\n";

pub(crate) fn alice() -> Credentials {
    Credentials::new("alice", PASSWORD, "")
}

/// Asks for an image with these credentials.
pub(crate) async fn ask(
    room: &Room,
    reference: &str,
    credentials: &[Credentials],
) -> Result<Image, ContainersError> {
    let request = ImageRequest { credentials: credentials.to_vec(), ..request(reference) };
    room.port.image(&request, &|_| {}).await
}

/// An image of its own for each test: containerd shares content between namespaces.
pub(crate) fn image(salt: &str) -> (Layout, serde_json::Value) {
    let mut layout = Layout::default();
    let root = layout.add_image(architecture(), &busybox_layers(salt));
    (layout, root)
}

/// Lets those through who send this with every request.
pub(crate) fn basic(wanted: &'static str) -> Guard {
    Box::new(move |seen| match &seen.authorization {
        Some(sent) if sent == wanted => None,
        _ => Some(http_with(401, &[("www-authenticate", "Basic realm=\"test\"")], b"")),
    })
}

/// Where blobs are kept by a host that redirects to itself once more, and the address to be sent to.
pub(crate) async fn storage_behind_a_redirect(layout: &Layout) -> (Registry, String) {
    let guard: Guard = Box::new(|seen| {
        let rest = seen.path.strip_prefix("/first")?;
        Some(http_with(307, &[("location", rest)], b""))
    });
    let storage = Registry::guarded(layout.clone(), &[], &[], guard).await;
    let address = format!("http://{}/first", storage.domain);
    (storage, address)
}

/// Sends those whom another guard lets through to where the blobs are.
pub(crate) fn with_blobs_at(elsewhere: String, users: Guard) -> Guard {
    Box::new(move |seen| {
        let moved = || http_with(307, &[("location", &format!("{elsewhere}{}", seen.path))], b"");
        users(seen).or_else(|| seen.path.contains("/blobs/").then(moved))
    })
}

/// Compares a refusal that asking again does not change, its port left out.
pub(crate) fn refused(error: &ContainersError, domain: &str, expected: Expect) {
    assert!(matches!(error, ContainersError::ImageRefused { .. }) && !error.is_retryable(), "{error:?}");
    assert!(!format!("{error:?} {error}").contains(PASSWORD), "{error:?}");
    expected.assert_eq(&error.to_string().replace(domain, "HOST"));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn the_distributions_own_registry_gives_an_image_to_its_users_alone() {
    let room = Room::new("auth-users");
    let server = RegistryServer::for_users(room.directory.path(), HTPASSWD).await;
    let reference = push(&server.domain, Some(("alice", PASSWORD))).await;
    let error = ask(&room, &reference, &[]).await.unwrap_err();
    let nobody = expect!["image HOST/pushed/image:1: access denied: it does not exist, or needs credentials"];
    refused(&error, &server.domain, nobody);
    let error = ask(&room, &reference, &[Credentials::new("alice", "guess", "")]).await.unwrap_err();
    refused(
        &error,
        &server.domain,
        expect![[
            r#"image HOST/pushed/image:1: access denied: HOST refuses user "alice": the password is wrong, or the user may not have the image"#
        ]],
    );
    ask(&room, &reference, &[alice()]).await.unwrap();
    room.assert_whole(&reference);
    room.assert_no_lease();
    // As in docker, an image that is there is anyone's on the node.
    ask(&room, &reference, &[]).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn credentials_are_sent_to_their_registry_and_not_to_where_it_keeps_its_blobs() {
    let room = Room::new("auth-redirect");
    let (layout, root) = image("auth-redirect");
    let (storage, elsewhere) = storage_behind_a_redirect(&layout).await;
    let guard = with_blobs_at(elsewhere, basic(BASIC));
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    ask(&room, &registry.reference("1"), &[alice()]).await.unwrap();
    room.assert_whole(&registry.reference("1"));
    assert_eq!(storage.seen().len(), 8, "a configuration and three layers, each twice");
    assert!(storage.seen().iter().all(|seen| seen.authorization.is_none()), "{:?}", storage.seen());
    assert!(registry.blobs_seen().iter().all(|seen| seen.authorization.as_deref() == Some(BASIC)));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_that_sends_those_who_ask_to_another_host_does_not_give_it_their_credentials() {
    let room = Room::new("auth-elsewhere");
    let (layout, root) = image("auth-elsewhere");
    // Another host than the loopback's, which leads here all the same.
    let other = Registry::guarded(layout.clone(), &[], &[], basic("nobody")).await;
    let port = other.domain.rsplit(':').next().unwrap().to_owned();
    let guard: Guard = Box::new(move |seen| {
        let location = format!("http://0.0.0.0:{port}{}", seen.path);
        Some(http_with(307, &[("location", &location)], b""))
    });
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    let error = ask(&room, &registry.reference("1"), &[alice()]).await.unwrap_err();
    refused(
        &error,
        &registry.domain,
        expect![[
            r#"image HOST/test:1: access denied: HOST refuses user "alice": the password is wrong, or the user may not have the image"#
        ]],
    );
    assert!(!other.seen().is_empty());
    let sent = [registry.seen(), other.seen()].concat();
    assert!(sent.iter().all(|seen| seen.authorization.is_none()), "{sent:?}");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn credentials_for_another_registry_stay_here_and_the_refusal_says_so() {
    let room = Room::new("auth-other");
    let (layout, root) = image("auth-other");
    let registry = Registry::guarded(layout, &[("1", &root)], &[], basic(BASIC)).await;
    let reference = registry.reference("1");
    let of = |server: &str| Credentials::new("alice", PASSWORD, server);
    let error = ask(&room, &reference, &[of("registry.example.com")]).await.unwrap_err();
    refused(
        &error,
        &registry.domain,
        expect![
            "image HOST/test:1: access denied: it does not exist, or needs credentials; those in auth are for registry.example.com and were not sent to HOST"
        ],
    );
    assert!(registry.seen().iter().all(|seen| seen.authorization.is_none()));
    ask(&room, &reference, &[of("registry.example.com"), of(&registry.domain)]).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn nobody_gets_an_image_through_the_pull_of_one_who_may_have_it() {
    let room = Room::new("auth-flight");
    let (layout, root) = image("auth-flight");
    let registry = Registry::guarded(layout, &[("1", &root)], &[Fault::Gate], basic(BASIC)).await;
    let reference = registry.reference("1");
    let (port, wanted) = (room.port.clone(), reference.clone());
    let pull = tokio::spawn(async move {
        let request = ImageRequest { credentials: vec![alice()], ..request(&wanted) };
        port.image(&request, &|_| {}).await
    });
    soon("the first request for a blob", async {
        while registry.blobs_seen().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for others in
        [vec![], vec![Credentials::new("alice", "guess", "")], vec![Credentials::new("bob", PASSWORD, "")]]
    {
        let error = soon("a refusal beside the pull", ask(&room, &reference, &others)).await.unwrap_err();
        assert!(matches!(error, ContainersError::ImageRefused { .. }), "{others:?}: {error}");
    }
    assert!(!pull.is_finished(), "the pull was to be under way all the time");
    let opening = async {
        loop {
            registry.open_gate();
            tokio::task::yield_now().await;
        }
    };
    soon("the pull", async {
        tokio::select! {
            image = pull => assert_eq!(image.unwrap().unwrap().name, reference),
            () = opening => {}
        }
    })
    .await;
    room.assert_no_lease();
}

/// Everything that is said while it is the thread's subscriber.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut said = self.0.lock().unwrap();
        *said += &format!("{field}={value:?} ");
    }
}

impl tracing::Subscriber for Said {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_password_is_in_no_line_of_the_most_detailed_log() {
    let said = Said::default();
    // While there is but one subscriber, a thread without it that comes to a line first silences that line for all.
    let _second = tracing::Dispatch::new(Said::default());
    let guard = tracing::subscriber::set_default(said.clone());
    let room = Room::new("auth-log");
    let (layout, root) = image("auth-log");
    let registry = Registry::guarded(layout, &[("1", &root)], &[], basic(BASIC)).await;
    ask(&room, &registry.reference("1"), &[alice()]).await.unwrap();
    drop(guard);
    let said = said.0.lock().unwrap().clone();
    // The libraries' own lines are among them.
    for line in ["sending request to buffer worker", "the image is ready"] {
        assert!(said.contains(line), "{line}");
    }
    for secret in [PASSWORD, BASIC.strip_prefix("Basic ").unwrap()] {
        assert!(!said.contains(secret), "{secret}");
    }
}
