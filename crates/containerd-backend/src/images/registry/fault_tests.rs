//! Tests of what is final and what may pass.

use expect_test::expect;

use super::*;

#[test]
fn a_host_says_when_it_wants_to_be_asked_again() {
    let after = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
    assert_eq!(after("7"), Some(Duration::from_secs(7)));
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    assert!(after(&soon).is_some_and(|after| (90..=100).contains(&after.as_secs())));
    assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    for nonsense in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
        assert_eq!(after(nonsense), None, "{nonsense}");
    }
    expect![[r#"Busy("it is busy; it asks to come again in 7 s", 7s)"#]]
        .assert_eq(&format!("{:?}", passing("it is busy".to_owned(), after("7"))));
    assert_eq!(passing("it is busy".to_owned(), None), SourceError::Passing("it is busy".to_owned()));
}

#[test]
fn certificates_that_are_refused_and_other_protocols_are_final() {
    use rustls::{CertificateError as C, Error as E};
    let said = |fault: E| format!("{:?}", tls("HOST", &fault));
    expect![[r#"Final("the registry's certificate is not accepted: UnknownIssuer")"#]]
        .assert_eq(&said(E::InvalidCertificate(C::UnknownIssuer)));
    expect![[r#"Final("the registry does not speak TLS: it may be one for plain HTTP")"#]]
        .assert_eq(&said(E::InvalidMessage(rustls::InvalidMessage::InvalidContentType)));
    assert!(said(E::InvalidCertificate(C::NotValidYet)).starts_with("Passing("));
}
