//! What a registry's, a storage's or a token server's refusal means: final, or something that may pass. Told by status
//! and code, never by text.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::super::source::SourceError;
use super::access::Access;
use super::answer::Answer;
use super::body;
use super::fault;

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
    let (status, after) = (answer.response.status(), fault::retry_after(answer.response.headers()));
    let (is_home, host) = (answer.is_home, answer.host.clone());
    let told = Told::read(&body::reason(answer).await, access);
    if is_home { of_registry(status, &told, after, access) } else { of_storage(status, &host, after, access) }
}

fn of_registry(status: StatusCode, told: &Told, after: Option<Duration>, access: &Access) -> SourceError {
    let code = status.as_u16();
    match code {
        _ if told.code == TOO_MANY || code == 429 => {
            fault::passing(told.after("the registry limits the rate of requests"), after)
        }
        401 | 403 => SourceError::Final(access.denied()),
        404 => SourceError::Final(told.after("not found in the registry")),
        _ if fault::may_pass(status) => {
            fault::passing(told.beside(&format!("the registry answered {code}")), after)
        }
        _ => SourceError::Final(told.beside(&format!("the registry answered {code}"))),
    }
}

/// Of the place that a registry redirects to: its addresses are good for some minutes, and then refused.
fn of_storage(status: StatusCode, host: &str, after: Option<Duration>, access: &Access) -> SourceError {
    let reason = format!("{host}, to which the registry redirects, answered {}", status.as_u16());
    match status.as_u16() {
        401 => SourceError::Final(access.denied()),
        400 | 403 => fault::passing(reason, after),
        _ if fault::may_pass(status) => fault::passing(reason, after),
        _ => SourceError::Final(reason),
    }
}

/// The fault of a token server. Its text is not shown: it may repeat what it was sent.
pub(super) fn of_token_server(status: StatusCode, headers: &HeaderMap, access: &Access) -> SourceError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceError::Final(access.denied()),
        _ if fault::may_pass(status) => fault::passing(
            format!("the registry's token server answered {status}"),
            fault::retry_after(headers),
        ),
        _ => SourceError::Final(format!("the registry's token server answered {status}")),
    }
}

impl Told {
    /// The first error of a refusal's body; of a body that is no such document its first line, unless it is a page.
    fn read(body: &[u8], access: &Access) -> Self {
        let told = match serde_json::from_slice::<Errors>(body) {
            Ok(Errors { errors }) => errors.into_iter().next().map(|entry| Self {
                code: entry.code.unwrap_or_default().to_ascii_uppercase(),
                message: fault::one_line(&entry.message.unwrap_or_default()),
            }),
            Err(_) if body::is_page(body) => None,
            Err(_) => {
                Some(Self { code: String::new(), message: fault::one_line(&String::from_utf8_lossy(body)) })
            }
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

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
