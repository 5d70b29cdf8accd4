//! Tests of what refusals mean.

use driver_core::Credentials;
use expect_test::{Expect, expect};

use super::super::super::reference::Reference;
use super::*;

fn check(status: u16, body: &str, expected: Expect) {
    let access = Access::default();
    let status = StatusCode::from_u16(status).unwrap();
    let fault = of_registry(status, &Told::read(body.as_bytes(), &access), None, &access);
    expected.assert_eq(&format!("{fault:?}"));
}

#[test]
fn what_is_not_there_is_final() {
    check(
        404,
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
        expect![[r#"Final("not found in the registry: manifest unknown")"#]],
    );
    check(404, "<html>\nlong", expect![[r#"Final("not found in the registry")"#]]);
}

#[test]
fn what_may_not_be_seen_is_final() {
    for (status, body) in [(401, ""), (403, r#"{"errors":[{"code":"DENIED","message":"access denied"}]}"#)] {
        let denied = expect![[r#"Final("access denied: it does not exist, or needs credentials")"#]];
        check(status, body, denied);
    }
}

#[test]
fn a_registry_in_trouble_may_recover() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        let access = Access::default();
        let fault = of_registry(status, &Told::default(), None, &access);
        assert!(matches!(fault, SourceError::Passing(_)), "{status}");
        assert!(matches!(of_storage(status, "s", None, &access), SourceError::Passing(_)), "{status}");
        let fault = of_token_server(status, &HeaderMap::new(), &access);
        assert!(matches!(fault, SourceError::Passing(_)), "{status}");
    }
    check(503, "<html>\nlong", expect![[r#"Passing("the registry answered 503")"#]]);
    check(
        503,
        "upstream\x1b[2J is away\nlong",
        expect![[r#"Passing("the registry answered 503 upstream�[2J is away")"#]],
    );
    check(
        429,
        r#"{"errors":[{"code":"toomanyrequests","message":"slow down"}]}"#,
        expect![[r#"Passing("the registry limits the rate of requests: slow down")"#]],
    );
    check(
        403,
        r#"{"errors":[{"code":"TOOMANYREQUESTS","message":null}]}"#,
        expect![[r#"Passing("the registry limits the rate of requests")"#]],
    );
}

#[test]
fn what_a_registry_cannot_mean_by_a_status_is_final() {
    for status in [304, 400, 406, 410] {
        let status = StatusCode::from_u16(status).unwrap();
        let access = Access::default();
        assert!(matches!(of_registry(status, &Told::default(), None, &access), SourceError::Final(_)));
        assert!(matches!(of_token_server(status, &HeaderMap::new(), &access), SourceError::Final(_)));
    }
}

#[test]
fn addresses_of_the_storage_that_are_no_longer_good_are_got_anew() {
    let of = |status| of_storage(status, "s3.example.com", None, &Access::default());
    let fault = of(StatusCode::FORBIDDEN);
    expect![[r#"Passing("s3.example.com, to which the registry redirects, answered 403")"#]]
        .assert_eq(&format!("{fault:?}"));
    for status in [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED] {
        assert!(matches!(of(status), SourceError::Final(_)), "{status}");
    }
}

#[test]
fn a_text_that_repeats_the_password_is_not_shown() {
    let credentials = [Credentials::new("alice", "hunter2", "")];
    let access = Access::to(&Reference::parse("r.example.com/a").unwrap(), &credentials);
    let told = |text: &str| Told::read(text.as_bytes(), &access).message;
    assert_eq!(told("no such thing"), "no such thing");
    assert_eq!(told("alice:hunter2 is wrong"), "");
    assert_eq!(told(r#"{"errors":[{"message":"\u0068unter2"}]}"#), "");
}
