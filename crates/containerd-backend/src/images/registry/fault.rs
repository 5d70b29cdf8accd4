//! Failures below and beside what a registry says: which are final, and which may pass. Told by type, never by text.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::super::source::SourceError;
use super::reach::Forbidden;

/// Longest text of a registry that is shown, in characters.
const LONGEST_TEXT: usize = 300;
/// Whether another attempt may get another answer.
pub(super) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// A fault that may pass, after the time that a host named.
pub(super) fn passing(reason: String, after: Option<Duration>) -> SourceError {
    match after {
        None => SourceError::Passing(reason),
        Some(after) => {
            let reason = format!("{reason}; it asks to come again in {} s", after.as_secs());
            SourceError::Busy(reason, after)
        }
    }
}

/// After what time a host wants to be asked again: in seconds, or at a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            Some(at.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// A failure below HTTP towards this host. A refused certificate and a server that does not speak TLS stay as they are;
/// all else may pass.
pub(super) fn transport(host: &str, error: &reqwest::Error) -> SourceError {
    if let Some(forbidden) = causes(error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return SourceError::Final(self::forbidden(forbidden));
    }
    if let Some(fault) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return tls(host, fault);
    }
    if error.is_timeout() {
        let what = if error.is_connect() { "a connection" } else { "an answer" };
        return SourceError::Passing(format!("{host} did not give {what} in time"));
    }
    let reason = if error.is_connect() { "cannot be reached" } else { "broke the connection off" };
    SourceError::Passing(format!("{host} {reason}: {}", deepest(error)))
}

fn tls(host: &str, fault: &rustls::Error) -> SourceError {
    use rustls::{CertificateError as C, Error as E};
    match fault {
        E::InvalidCertificate(reason @ (C::NotValidYet | C::NotValidYetContext { .. })) => {
            SourceError::Passing(format!(
                "the registry's certificate is not accepted: {reason}; the clock of this host may be wrong"
            ))
        }
        E::InvalidCertificate(reason) => {
            SourceError::Final(format!("the registry's certificate is not accepted: {reason}"))
        }
        E::InvalidMessage(_) => {
            SourceError::Final("the registry does not speak TLS: it may be one for plain HTTP".to_owned())
        }
        other => SourceError::Final(format!("TLS with {host} fails: {other}")),
    }
}

/// Whether a connection failed because the other end does not speak TLS: it answered something else, ended the
/// handshake, or kept silent.
pub(super) fn speaks_no_tls(error: &reqwest::Error) -> bool {
    use io::ErrorKind as K;
    let fault = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    let is_cut = || {
        let kinds = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>().map(io::Error::kind));
        kinds.into_iter().any(|kind| matches!(kind, K::UnexpectedEof | K::ConnectionReset | K::BrokenPipe))
    };
    match fault {
        Some(fault) => matches!(fault, rustls::Error::InvalidMessage(_)),
        None => error.is_connect() && (error.is_timeout() || is_cut()),
    }
}

/// The sentence for an address that a registry may not name.
pub(super) fn forbidden(forbidden: &Forbidden) -> String {
    format!("the registry leads to {forbidden}; only one at such an address may do that")
}

/// An error and what it stems from.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = cause(error);
        Some(error)
    })
}

/// What an error stems from. `io::Error` hides what it wraps from `source`.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn deepest(error: &(dyn Error + 'static)) -> String {
    one_line(&causes(error).last().map(ToString::to_string).unwrap_or_default())
}

/// The error with its causes, each said once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    one_line(&text)
}

/// Texts of registries may be whole pages, and may be meant for terminals.
pub(super) fn one_line(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default().trim_end();
    line.chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .take(LONGEST_TEXT)
        .collect()
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
