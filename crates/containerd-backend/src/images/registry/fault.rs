//! Failures of a registry: which are final, and which may pass. Told by type and status, never by text.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::super::source::SourceError;
use super::access::Access;
use super::body;
use super::http::Answer;
use super::reach::Forbidden;

/// Longest text of a registry that is shown, in characters.
const LONGEST_TEXT: usize = 300;
/// The code of a registry that limits requests, under whatever status.
const TOO_MANY: &str = "TOOMANYREQUESTS";

/// What a registry says of its refusal (OCI distribution, error codes).
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// The fault of an answer that is none of what was asked for.
pub(super) async fn refused(answer: Answer, access: &Access) -> SourceError {
    let (status, after) = (answer.response.status(), retry_after(answer.response.headers()));
    let (is_home, host) = (answer.is_home, answer.host.clone());
    let told = Told::read(&body::reason(answer).await, access);
    if is_home { of_registry(status, &told, after, access) } else { of_storage(status, &host, after, access) }
}

fn of_registry(status: StatusCode, told: &Told, after: Option<Duration>, access: &Access) -> SourceError {
    let code = status.as_u16();
    match code {
        _ if told.code == TOO_MANY || code == 429 => {
            passing(told.after("the registry limits the rate of requests"), after)
        }
        401 | 403 => SourceError::Final(access.denied()),
        404 => SourceError::Final(told.after("not found in the registry")),
        _ if may_pass(status) => passing(told.beside(&format!("the registry answered {code}")), after),
        _ => SourceError::Final(told.beside(&format!("the registry answered {code}"))),
    }
}

/// Of the place that a registry redirects to: its addresses are good for some minutes, and then refused.
fn of_storage(status: StatusCode, host: &str, after: Option<Duration>, access: &Access) -> SourceError {
    let reason = format!("{host}, to which the registry redirects, answered {}", status.as_u16());
    match status.as_u16() {
        401 => SourceError::Final(access.denied()),
        400 | 403 => passing(reason, after),
        _ if may_pass(status) => passing(reason, after),
        _ => SourceError::Final(reason),
    }
}

/// The fault of a token server. Its text is not shown: it may repeat what it was sent.
pub(super) fn of_token_server(status: StatusCode, headers: &HeaderMap, access: &Access) -> SourceError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceError::Final(access.denied()),
        _ if may_pass(status) => {
            passing(format!("the registry's token server answered {status}"), retry_after(headers))
        }
        _ => SourceError::Final(format!("the registry's token server answered {status}")),
    }
}

/// Whether another attempt may get another answer.
pub(super) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

fn passing(reason: String, after: Option<Duration>) -> SourceError {
    match after {
        None => SourceError::Passing(reason),
        Some(after) => {
            let reason = format!("{reason}; it asks to come again in {} s", after.as_secs());
            SourceError::Busy(reason, after)
        }
    }
}

/// After what time a host wants to be asked again: in seconds, or at a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            Some(at.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

impl Told {
    /// The first error of a refusal's body; of a body that is no such document its first line, unless it is a page.
    fn read(body: &[u8], access: &Access) -> Self {
        let told = match serde_json::from_slice::<Errors>(body) {
            Ok(Errors { errors }) => errors.into_iter().next().map(|entry| Self {
                code: entry.code.unwrap_or_default().to_ascii_uppercase(),
                message: one_line(&entry.message.unwrap_or_default()),
            }),
            Err(_) if body::is_page(body) => None,
            Err(_) => Some(Self { code: String::new(), message: one_line(&String::from_utf8_lossy(body)) }),
        };
        told.filter(|told| access.may_show(&told.message)).unwrap_or_default()
    }

    fn after(&self, text: &str) -> String {
        if self.message.is_empty() { text.to_owned() } else { format!("{text}: {}", self.message) }
    }

    fn beside(&self, text: &str) -> String {
        if self.message.is_empty() { text.to_owned() } else { format!("{text} {}", self.message) }
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
