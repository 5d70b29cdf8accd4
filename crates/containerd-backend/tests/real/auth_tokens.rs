//! Pulls from registries that want tokens, which another server gives for credentials.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use driver_core::Credentials;
use driver_core::ports::ContainersError;
use expect_test::expect;

use crate::archives::Layout;
use crate::auth::{BASIC, alice, ask, basic, image, refused, storage_behind_a_redirect, with_blobs_at};
use crate::fixture::Room;
use crate::registry::{Guard, Registry, http_with};

/// Tokens that are good for one request each.
#[derive(Clone, Default)]
struct Tokens(Arc<Mutex<(usize, HashSet<String>)>>);

impl Tokens {
    /// A server that gives them to alice.
    async fn server(&self) -> Registry {
        let tokens = self.clone();
        let guard: Guard = Box::new(move |seen| {
            if seen.authorization.as_deref() != Some(BASIC) {
                return Some(http_with(401, &[], b"{\"details\":\"who?\"}"));
            }
            let (number, unused) = &mut *tokens.0.lock().unwrap();
            *number += 1;
            let token = format!("token-{number}");
            let body = format!("{{\"token\":\"{token}\",\"expires_in\":0}}");
            unused.insert(format!("Bearer {token}"));
            Some(http_with(200, &[("content-type", "application/json")], body.as_bytes()))
        });
        Registry::guarded(Layout::default(), &[], &[], guard).await
    }

    /// Lets those through who have one, and tells the others where they are.
    fn guard(&self, realm: &str) -> Guard {
        let (tokens, challenge) =
            (self.clone(), format!("Bearer realm=\"{realm}\",service=\"the registry\""));
        Box::new(move |seen| {
            let asks = || http_with(401, &[("www-authenticate", &challenge)], b"");
            let Some(sent) = &seen.authorization else { return Some(asks()) };
            let known = tokens.0.lock().unwrap().1.remove(sent);
            (!known).then(asks)
        })
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_is_got_for_credentials_and_got_again_before_it_ends() {
    let room = Room::new("auth-token");
    let (layout, root) = image("auth-token");
    let tokens = Tokens::default();
    let (server, (storage, elsewhere)) = (tokens.server().await, storage_behind_a_redirect(&layout).await);
    let users = tokens.guard(&format!("http://{}/token?from=realm", server.domain));
    let guard = with_blobs_at(elsewhere, users);
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    ask(&room, &registry.reference("1"), &[alice()]).await.unwrap();
    room.assert_whole(&registry.reference("1"));
    let asked: HashSet<String> = server.seen().into_iter().map(|seen| seen.path).collect();
    let question = "/token?from=realm&scope=repository%3Atest%3Apull&service=the+registry";
    assert_eq!(asked, [question.to_owned()].into());
    // The manifest and four blobs.
    assert_eq!(server.seen().len(), 5);
    assert!(server.seen().iter().all(|seen| seen.authorization.as_deref() == Some(BASIC)));
    assert!(registry.seen().iter().all(|seen| seen.authorization.as_deref() != Some(BASIC)));
    assert_eq!(storage.seen().len(), 8);
    assert!(storage.seen().iter().all(|seen| seen.authorization.is_none()), "{:?}", storage.seen());
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn credentials_that_the_token_server_does_not_take_are_sent_once() {
    let room = Room::new("auth-token-wrong");
    let (layout, root) = image("auth-token-wrong");
    let tokens = Tokens::default();
    let server = tokens.server().await;
    let guard = tokens.guard(&format!("http://{}/token", server.domain));
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    let wrong = Credentials::new("bob", "guess", "");
    let error = ask(&room, &registry.reference("1"), &[wrong]).await.unwrap_err();
    refused(
        &error,
        &registry.domain,
        expect![[
            r#"image HOST/test:1: access denied: HOST refuses user "bob": the password is wrong, or the user may not have the image"#
        ]],
    );
    assert_eq!(server.seen().len(), 1);
    room.assert_no_lease();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_server_in_trouble_is_asked_again_and_may_recover() {
    let room = Room::new("auth-token-busy");
    let (layout, root) = image("auth-token-busy");
    let busy: Guard = Box::new(|_| Some(http_with(503, &[], b"alice:of-alice-0815")));
    let server = Registry::guarded(Layout::default(), &[], &[], busy).await;
    let guard = Tokens::default().guard(&format!("http://{}/token", server.domain));
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    let error = ask(&room, &registry.reference("1"), &[alice()]).await.unwrap_err();
    assert!(matches!(error, ContainersError::PullInterrupted { .. }), "{error}");
    expect![
        "image HOST/test:1 could not be pulled: the registry's token server answered 503 Service Unavailable"
    ]
    .assert_eq(&error.to_string().replace(&registry.domain, "HOST"));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_server_that_is_reached_without_tls_beyond_this_host_gets_no_credentials() {
    let room = Room::new("auth-token-plain");
    let (layout, root) = image("auth-token-plain");
    let tokens = Tokens::default();
    let server = tokens.server().await;
    let port = server.domain.rsplit(':').next().unwrap();
    // Another host than the loopback's, which leads here all the same.
    let guard = tokens.guard(&format!("http://0.0.0.0:{port}/token"));
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    let error = ask(&room, &registry.reference("1"), &[alice()]).await.unwrap_err();
    let reached = format!("0.0.0.0:{port}");
    assert!(error.to_string().contains(&reached), "{error}");
    assert!(matches!(error, ContainersError::ImageRefused { .. }), "{error:?}");
    assert!(server.seen().is_empty(), "{:?}", server.seen());
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_server_that_sends_those_who_ask_to_another_one_does_not_give_it_their_credentials() {
    let room = Room::new("auth-token-moved");
    let (layout, root) = image("auth-token-moved");
    let tokens = Tokens::default();
    let other = tokens.server().await;
    let location = format!("http://{}/token", other.domain);
    let moves: Guard = Box::new(move |_| Some(http_with(307, &[("location", &location)], b"")));
    let server = Registry::guarded(Layout::default(), &[], &[], moves).await;
    let guard = tokens.guard(&format!("http://{}/token", server.domain));
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    let error = ask(&room, &registry.reference("1"), &[alice()]).await.unwrap_err();
    expect!["image HOST/test:1: the registry's token server answered 307 Temporary Redirect"]
        .assert_eq(&error.to_string().replace(&registry.domain, "HOST"));
    assert_eq!((server.seen().len(), other.seen().len()), (1, 0));
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_that_tells_only_at_the_image_what_it_wants_gets_it() {
    let room = Room::new("auth-late");
    let (layout, root) = image("auth-late");
    let users = basic(BASIC);
    let guard: Guard = Box::new(move |seen| match seen.path.as_str() {
        "/v2/" => Some(http_with(200, &[], b"{}")),
        _ => users(seen),
    });
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    ask(&room, &registry.reference("1"), &[alice()]).await.unwrap();
    room.assert_whole(&registry.reference("1"));
}
