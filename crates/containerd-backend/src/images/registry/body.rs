//! Bodies of answers: how long they may be, and how slow.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use tokio::time::Instant;

use super::super::source::SourceError;
use super::answer::Answer;
use super::fault;

/// How long the whole of a document may take.
const DOCUMENT_TIME: Duration = Duration::from_secs(60);
/// How long the reason of a refusal may take; it is left out then.
const REASON_TIME: Duration = Duration::from_secs(5);
/// Longest reason of a refusal that is read, in bytes.
const LONGEST_REASON: usize = 8 << 10;
/// How often the speed of a blob is looked at, and how many bytes must have come since.
const PACE: (Duration, u64) = (Duration::from_secs(60), 64 << 10);

/// The body of a document, when it is not longer than this. `what` names it for people.
pub(super) async fn whole(answer: Answer, what: &str, longest: usize) -> Result<Bytes, SourceError> {
    let host = answer.host;
    let too_long = || SourceError::Final(format!("{host} gives {what} of more than {longest} bytes"));
    if answer.response.content_length().is_some_and(|length| length > longest as u64) {
        return Err(too_long());
    }
    let of = host.clone();
    let pieces = answer.response.bytes_stream();
    let pieces = pieces.map(move |piece| piece.map_err(|error| fault::transport(&of, &error.without_url())));
    match tokio::time::timeout(DOCUMENT_TIME, joined(pieces, longest)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_long()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(SourceError::Passing(format!(
            "{host} did not give {what} within {} seconds",
            DOCUMENT_TIME.as_secs()
        ))),
    }
}

/// What an answer says of its reason: its beginning alone, and nothing when that takes long.
pub(super) async fn reason(answer: Answer) -> Vec<u8> {
    let mut reason = Vec::new();
    let mut response = answer.response;
    let reading = async {
        while let Ok(Some(piece)) = response.chunk().await {
            let room = LONGEST_REASON - reason.len();
            reason.extend_from_slice(&piece[..piece.len().min(room)]);
            if reason.len() == LONGEST_REASON {
                break;
            }
        }
    };
    let _in_time = tokio::time::timeout(REASON_TIME, reading).await;
    reason
}

/// The pieces in one; none when they are longer than this.
async fn joined(
    pieces: impl Stream<Item = Result<Bytes, SourceError>>,
    longest: usize,
) -> Result<Option<Bytes>, SourceError> {
    let (mut pieces, mut body) = (std::pin::pin!(pieces), Vec::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if body.len() + piece.len() > longest {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body.into()))
}

/// The bytes of a blob without the first ones, as long as they come at more than a trickle.
pub(super) fn pieces(
    answer: Answer,
    skipped: u64,
) -> impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static {
    let (host, of) = (answer.host.clone(), answer.host);
    let pieces = answer.response.bytes_stream();
    let pieces = pieces.map(move |piece| piece.map_err(|error| fault::transport(&of, &error.without_url())));
    skip(paced(pieces, host), skipped)
}

/// Ends a stream with an error when what comes is hardly anything. Only the time in which it is waited for counts.
fn paced(
    pieces: impl Stream<Item = Result<Bytes, SourceError>> + Send + Unpin + 'static,
    host: String,
) -> impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static {
    let (period, least) = PACE;
    stream::unfold((pieces, Duration::ZERO, 0), move |(mut pieces, mut waited, mut came)| {
        let host = host.clone();
        async move {
            let begin = Instant::now();
            let piece = pieces.next().await?;
            waited += begin.elapsed();
            came += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            if waited < period {
                return Some((piece, (pieces, waited, came)));
            }
            let slow = || SourceError::Passing(format!("{host} gives fewer than {least} bytes in a minute"));
            let piece = if came < least { piece.and_then(|_| Err(slow())) } else { piece };
            Some((piece, (pieces, Duration::ZERO, 0)))
        }
    })
    .boxed()
}

/// Without the first bytes.
fn skip(
    stream: impl Stream<Item = Result<Bytes, SourceError>>,
    mut bytes: u64,
) -> impl Stream<Item = Result<Bytes, SourceError>> {
    stream.map(move |piece| {
        piece.map(|mut piece| {
            let cut = usize::try_from(bytes).unwrap_or(usize::MAX).min(piece.len());
            bytes -= cut as u64;
            piece.split_off(cut)
        })
    })
}

/// Refuses a body that something on the way has encoded: it would not have the digest of what was asked for.
pub(super) fn check_encoding(answer: &Answer) -> Result<(), SourceError> {
    let encoding = answer.response.headers().get(CONTENT_ENCODING);
    match encoding.filter(|encoding| !encoding.is_empty() && *encoding != "identity") {
        None => Ok(()),
        Some(encoding) => Err(SourceError::Passing(format!(
            "{} answers in the encoding {:?}, which was not asked for: a proxy on the way may do that",
            answer.host,
            fault::one_line(&String::from_utf8_lossy(encoding.as_bytes()))
        ))),
    }
}

/// Whether the header says that a web page follows.
pub(super) fn announces_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    kind.is_some_and(|kind| kind.starts_with(b"text/html"))
}

/// Whether this is the beginning of a web page and not of JSON.
pub(super) fn is_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().first() == Some(&b'<')
}

/// The fault of a host that gives a web page in the place of what it was asked for.
pub(super) fn page(host: &str, what: &str) -> SourceError {
    SourceError::Passing(format!(
        "{host} gives a web page in the place of {what}: a proxy or a login page may be in the way"
    ))
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
