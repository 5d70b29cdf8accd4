//! Failures of a registry: which are final, and which may pass. Told by type, never by text.

use std::error::Error;

use oci_client::errors::{OciDistributionError, OciErrorCode};

use super::{Access, SourceError};

/// Reads a failure of what was asked with this access.
pub(super) fn read(error: OciDistributionError, access: &Access) -> SourceError {
    use OciDistributionError as E;
    match &error {
        E::AuthenticationFailure(reason) => {
            SourceError::Final(format!("access denied: {}", one_line(reason)))
        }
        E::UnauthorizedError { .. } => SourceError::Final(access.denied()),
        E::RegistryError { envelope, .. } => match envelope.errors.first() {
            Some(first) => by_code(&first.code, &first.message, access),
            None => SourceError::Final("the registry refused and gave no reason".to_owned()),
        },
        E::ServerError { code, message, .. } => by_status(*code, message, access),
        // Looked into from the inside: the library's own error shows the causes of what it wraps, not what it wraps.
        E::RequestError(wrapped) => transport(wrapped),
        E::IoError(wrapped) => transport(wrapped),
        E::DigestError(_) => SourceError::Passing(chain(&error)),
        _ => SourceError::Final(chain(&error)),
    }
}

fn by_code(code: &OciErrorCode, message: &str, access: &Access) -> SourceError {
    use OciErrorCode as C;
    match code {
        C::ManifestUnknown | C::NameUnknown | C::NotFound | C::BlobUnknown | C::ManifestBlobUnknown => {
            SourceError::Final(format!("not found in the registry: {}", one_line(message)))
        }
        C::Unauthorized | C::Denied => SourceError::Final(access.denied()),
        C::Toomanyrequests => {
            SourceError::Passing(format!("the registry limits the rate of requests: {}", one_line(message)))
        }
        _ => SourceError::Final(format!("the registry refused: {}", one_line(message))),
    }
}

pub(super) fn by_status(code: u16, message: &str, access: &Access) -> SourceError {
    match code {
        401 | 403 => SourceError::Final(access.denied()),
        404 => SourceError::Final("not found in the registry".to_owned()),
        408 | 429 | 500.. => {
            SourceError::Passing(format!("the registry answered {code} {}", one_line(message)))
        }
        _ => SourceError::Final(format!("the registry answered {code} {}", one_line(message))),
    }
}

/// A failure below HTTP. A refused certificate and a server that does not speak TLS stay as they are; all else may
/// pass.
pub(super) fn transport(error: &(dyn Error + 'static)) -> SourceError {
    match tls_fault(error) {
        Some(rustls::Error::InvalidCertificate(reason)) => {
            SourceError::Final(format!("the registry's certificate is not accepted: {reason}"))
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            SourceError::Final("the registry does not speak TLS: it may be one for plain HTTP".to_owned())
        }
        _ => SourceError::Passing(chain(error)),
    }
}

/// The TLS failure in a chain of causes. `io::Error` hides what it wraps from `source`.
fn tls_fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        current = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The error with its causes, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut current = error.source();
    while let Some(cause) = current {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        current = cause.source();
    }
    one_line(&text)
}

/// Texts of registries may be whole pages.
pub(super) fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use expect_test::{Expect, expect};
    use oci_client::errors::{OciEnvelope, OciError};

    use super::*;

    fn check(error: OciDistributionError, expected: Expect) {
        expected.assert_eq(&format!("{:?}", read(error, &Access::default())));
    }

    fn envelope(code: OciErrorCode, message: &str) -> OciDistributionError {
        let error = OciError { code, message: message.into(), detail: serde_json::Value::Null };
        OciDistributionError::RegistryError {
            envelope: OciEnvelope { errors: vec![error] },
            url: String::new(),
        }
    }

    fn status(code: u16) -> OciDistributionError {
        OciDistributionError::ServerError { code, url: String::new(), message: "<html>\nlong".into() }
    }

    #[test]
    fn what_is_not_there_is_final() {
        check(
            envelope(OciErrorCode::ManifestUnknown, "manifest unknown"),
            expect![[r#"Final("not found in the registry: manifest unknown")"#]],
        );
        check(status(404), expect![[r#"Final("not found in the registry")"#]]);
    }

    #[test]
    fn what_may_not_be_seen_is_final() {
        let unauthorized = OciDistributionError::UnauthorizedError { url: String::new() };
        for error in [unauthorized, envelope(OciErrorCode::Denied, "access denied"), status(403)] {
            check(error, expect![[r#"Final("access denied: it does not exist, or needs credentials")"#]]);
        }
    }

    #[test]
    fn a_registry_in_trouble_may_recover() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(read(status(code), &Access::default()), SourceError::Passing(_)), "{code}");
        }
        check(status(503), expect![[r#"Passing("the registry answered 503 <html>")"#]]);
        check(
            envelope(OciErrorCode::Toomanyrequests, "slow down"),
            expect![[r#"Passing("the registry limits the rate of requests: slow down")"#]],
        );
    }

    #[test]
    fn a_broken_connection_may_recover() {
        check(
            OciDistributionError::IoError(io::Error::other("connection reset by peer")),
            expect![[r#"Passing("connection reset by peer")"#]],
        );
    }

    #[test]
    fn a_refused_certificate_is_final() {
        let fault = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, fault));
        check(
            OciDistributionError::IoError(wrapped),
            expect![[r#"Final("the registry's certificate is not accepted: UnknownIssuer")"#]],
        );
    }

    #[test]
    fn a_server_that_does_not_speak_tls_is_final() {
        let fault = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        check(
            OciDistributionError::IoError(io::Error::new(io::ErrorKind::InvalidData, fault)),
            expect![[r#"Final("the registry does not speak TLS: it may be one for plain HTTP")"#]],
        );
    }
}
