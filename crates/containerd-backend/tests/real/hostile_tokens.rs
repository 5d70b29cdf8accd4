//! Token servers that fail in every way, for those with credentials and without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use driver_core::ports::ContainersError;
use expect_test::{Expect, expect};

use crate::archives::Layout;
use crate::auth::{PASSWORD, alice, ask, image};
use crate::fixture::{Room, soon};
use crate::registry::{Fault, Guard, Registry, Seen, http_with};

/// Sends those without a token to a server of this address.
fn tokens_at(realm: String) -> Guard {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"");
    Box::new(move |seen| {
        let asks = || http_with(401, &[("www-authenticate", &challenge)], b"{}");
        seen.authorization.is_none().then(asks)
    })
}

/// What somebody and anybody reads of a pull whose tokens come from this server, once for both if that is the same.
async fn told(name: &str, server: &Registry, registry: &Registry) -> String {
    let room = Room::new(name);
    let mut said = Vec::new();
    for credentials in [vec![], vec![alice()]] {
        let error = soon("a refusal", ask(&room, &registry.reference("1"), &credentials)).await.unwrap_err();
        assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
        let kind = if matches!(error, ContainersError::PullInterrupted { .. }) { "passing" } else { "final" };
        let text = format!("{kind}: {error}");
        said.push(text.replace(&registry.domain, "HOST").replace(&server.domain, "TOKENS"));
    }
    said.dedup();
    room.emptied().await;
    said.join("\n")
}

async fn check_answer(name: &str, status: u16, kind: &str, body: &'static [u8], expected: Expect) {
    let fields = [("content-type".to_owned(), kind.to_owned())];
    let guard: Guard = Box::new(move |_| {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Some(http_with(status, &fields, body))
    });
    let server = Registry::guarded(Layout::default(), &[], &[], guard).await;
    let (layout, root) = image(name);
    let guard = tokens_at(format!("http://{}/token", server.domain));
    let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
    expected.assert_eq(&told(name, &server, &registry).await);
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_server_in_trouble_may_recover() {
    check_answer("token-503", 503, "text/html", b"<html>alice:of-alice-0815", expect!["passing: image HOST/test:1 could not be pulled: the registry's token server answered 503 Service Unavailable"]).await;
    check_answer("token-429", 429, "text/plain", b"slow down", expect!["passing: image HOST/test:1 could not be pulled: the registry's token server answered 429 Too Many Requests"]).await;
    check_answer("token-408", 408, "text/plain", b"", expect!["passing: image HOST/test:1 could not be pulled: the registry's token server answered 408 Request Timeout"]).await;
    check_answer("token-page", 200, "text/html", b"<html>log in</html>", expect!["passing: image HOST/test:1 could not be pulled: TOKENS gives a web page in the place of a token: a proxy or a login page may be in the way"]).await;
    check_answer(
        "token-broken",
        200,
        "application/json",
        b"{\"token\":",
        expect![
            "passing: image HOST/test:1 could not be pulled: the registry's token server TOKENS gave no token"
        ],
    )
    .await;
    check_answer(
        "token-none",
        200,
        "application/json",
        b"{\"token\":\"\"}",
        expect![
            "passing: image HOST/test:1 could not be pulled: the registry's token server TOKENS gave no token"
        ],
    )
    .await;
    check_answer(
        "token-odd",
        200,
        "application/json",
        b"{\"token\":\"a\\r\\nb: c\"}",
        expect![
            "passing: image HOST/test:1 could not be pulled: the registry's token server TOKENS gave no token"
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_server_that_refuses_stays_so() {
    check_answer(
        "token-400",
        400,
        "text/plain",
        b"of-alice-0815",
        expect!["final: image HOST/test:1: the registry's token server answered 400 Bad Request"],
    )
    .await;
    check_answer("token-401", 401, "text/plain", b"", expect![[r#"
        final: image HOST/test:1: access denied: it does not exist, or needs credentials
        final: image HOST/test:1: access denied: HOST refuses user "alice": the password is wrong, or the user may not have the image"#]]).await;
    check_answer("token-403", 403, "text/plain", b"", expect![[r#"
        final: image HOST/test:1: access denied: it does not exist, or needs credentials
        final: image HOST/test:1: access denied: HOST refuses user "alice": the password is wrong, or the user may not have the image"#]]).await;
    check_answer(
        "token-404",
        404,
        "text/html",
        b"<html>",
        expect!["final: image HOST/test:1: the registry's token server answered 404 Not Found"],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn tokens_without_an_end_are_left_at_their_limit() {
    for (name, status, expected) in [
        (
            "token-endless",
            200,
            expect!["final: image HOST/test:1: TOKENS gives a token of more than 1048576 bytes"],
        ),
        (
            "token-endless-503",
            503,
            expect![
                "passing: image HOST/test:1 could not be pulled: the registry's token server answered 503 Service Unavailable"
            ],
        ),
    ] {
        let endless = [Fault::Endless("/token", status)];
        let server = Registry::start(Layout::default(), &[], &endless).await;
        let (layout, root) = image(name);
        let guard = tokens_at(format!("http://{}/token", server.domain));
        let registry = Registry::guarded(layout, &[("1", &root)], &[], guard).await;
        expected.assert_eq(&told(name, &server, &registry).await);
        assert!(server.sent() < 48 << 20, "{} bytes went out", server.sent());
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn tokens_are_asked_for_where_they_may_be_alone() {
    for (name, realm, expected) in [
        (
            "realm-link",
            "https://169.254.169.254/latest/api/token",
            expect![
                "final: image HOST/test:1: the registry leads to 169.254.169.254, a link-local address; only one at such an address may do that"
            ],
        ),
        (
            "realm-plain",
            "http://auth.example.com/token",
            expect![[
                r#"final: image HOST/test:1: the registry wants a token to be asked for at "http://auth.example.com/token", which is not an address over TLS"#
            ]],
        ),
        (
            "realm-odd",
            "file:///etc/passwd",
            expect![[
                r#"final: image HOST/test:1: the registry wants a token to be asked for at "file:///etc/passwd", which is not an address over TLS"#
            ]],
        ),
    ] {
        let (layout, root) = image(name);
        let registry = Registry::guarded(layout, &[("1", &root)], &[], tokens_at(realm.to_owned())).await;
        expected.assert_eq(&told(name, &registry, &registry).await);
    }
}

/// Tokens that are good until they are withdrawn.
#[derive(Clone, Default)]
struct Issued(Arc<AtomicUsize>);

impl Issued {
    async fn server(&self) -> Registry {
        let issued = self.clone();
        let guard: Guard = Box::new(move |_| {
            let number = issued.0.fetch_add(1, Ordering::Relaxed) + 1;
            Some(http_with(200, &[], format!("{{\"token\":\"t{number}\",\"expires_in\":3600}}").as_bytes()))
        });
        Registry::guarded(Layout::default(), &[], &[], guard).await
    }

    /// Takes the latest token alone; the first one ends when a part of a blob is asked for.
    fn guard(&self, realm: &str) -> Guard {
        let (issued, realm) = (self.clone(), realm.to_owned());
        Box::new(move |seen: &Seen| {
            let latest = issued.0.load(Ordering::Relaxed);
            let least = if seen.from.is_some() { latest.max(2) } else { latest.max(1) };
            let is_good = seen.authorization.as_deref() == Some(&format!("Bearer t{least}"));
            let challenge = format!("Bearer realm=\"{realm}\",service=\"test\",error=\"invalid_token\"");
            (!is_good).then(|| http_with(401, &[("www-authenticate", &challenge)], b"{}"))
        })
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_token_that_ends_within_a_layer_is_got_anew_and_the_layer_goes_on() {
    for (name, credentials) in [("token-ends", vec![]), ("token-ends-user", vec![alice()])] {
        let room = Room::new(name);
        let (layout, root) = image(name);
        let (layer, _) = layout.blobs.iter().max_by_key(|(_, blob)| blob.bytes.len()).unwrap();
        let (layer, issued) = (layer.clone(), Issued::default());
        let server = issued.server().await;
        let guard = issued.guard(&format!("http://{}/token", server.domain));
        let faults = [Fault::BreakOff(layer.clone(), 200_000)];
        let registry = Registry::guarded(layout, &[("1", &root)], &faults, guard).await;
        ask(&room, &registry.reference("1"), &credentials).await.unwrap();
        room.assert_whole(&registry.reference("1"));
        assert_eq!(server.seen().len(), 2, "one token, and one more");
        let asked: Vec<_> = registry.seen().into_iter().filter(|seen| seen.path.ends_with(&layer)).collect();
        let parts: Vec<_> = asked.iter().map(|seen| (seen.from, seen.authorization.as_deref())).collect();
        let (first, second) = (Some("Bearer t1"), Some("Bearer t2"));
        assert_eq!(parts, [(None, first), (Some(200_000), first), (Some(200_000), second)]);
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_registry_that_limits_requests_is_asked_again_when_it_says() {
    let limits = |after: &'static str, times: usize| -> Guard {
        let left = AtomicUsize::new(times);
        Box::new(move |_| {
            let is_limited =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            let body = b"{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down\"}]}";
            is_limited.ok().map(|_| http_with(429, &[("retry-after", after)], body))
        })
    };
    let room = Room::new("limited");
    let (layout, root) = image("limited");
    let begin = std::time::Instant::now();
    let registry = Registry::guarded(layout.clone(), &[("1", &root)], &[], limits("1", 2)).await;
    room.image(&registry.reference("1")).await.unwrap();
    assert!(begin.elapsed().as_secs() >= 2, "{:?}", begin.elapsed());
    room.assert_whole(&registry.reference("1"));

    let registry = Registry::guarded(layout, &[("1", &root)], &[], limits("3600", 1)).await;
    let error = room.image(&registry.reference("1")).await.unwrap_err();
    expect!["image HOST/test:1 could not be pulled: the registry limits the rate of requests: slow down; it asks to come again in 3600 s"].assert_eq(&error.to_string().replace(&registry.domain, "HOST"));
    assert!(error.is_retryable());
    assert_eq!(registry.seen().len(), 1);
}
