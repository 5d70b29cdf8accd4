//! Asking a source again after failures that may pass.

use std::future::Future;
use std::time::Duration;

use super::source::SourceError;
use crate::grpc::backoff::Backoff;

/// Longest pause that a source may ask for within one pull.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a document is asked for.
const ATTEMPTS: u32 = 3;

/// Tries again when the failure may pass. `what` is asked for.
pub(crate) async fn retried<T, F>(what: &str, attempt: impl Fn() -> F) -> Result<T, SourceError>
where
    F: Future<Output = Result<T, SourceError>>,
{
    let mut backoff = Backoff::default();
    for _ in 1..ATTEMPTS {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(pause) = pause(&error, &mut backoff) else { return Err(error) };
        tracing::debug!(what, %error, "the source is asked again");
        tokio::time::sleep(pause).await;
    }
    attempt().await
}

/// How long to wait before what failed is tried again; none when that does not help, or not within one pull.
pub(crate) fn pause(error: &SourceError, backoff: &mut Backoff) -> Option<Duration> {
    match error {
        SourceError::Final(_) => None,
        SourceError::Passing(_) => Some(backoff.next_delay()),
        // Not all who were told the same time come back at once.
        SourceError::Busy(_, after) if *after <= LONGEST_PAUSE => Some(*after + backoff.next_delay()),
        SourceError::Busy(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn what_helps_is_tried_again_and_what_takes_too_long_is_not() {
        let wait = |error: SourceError| pause(&error, &mut Backoff::default());
        assert_eq!(wait(SourceError::Final(String::new())), None);
        assert!(wait(SourceError::Passing(String::new())).is_some_and(|pause| pause < LONGEST_PAUSE));
        let busy = |seconds| SourceError::Busy(String::new(), Duration::from_secs(seconds));
        assert!(wait(busy(7)).is_some_and(|pause| (7..=8).contains(&pause.as_secs())));
        assert_eq!(wait(busy(61)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_is_asked_for_three_times_at_most() {
        let asked = async |error: SourceError| {
            let count = AtomicU32::new(0);
            let attempt = || async {
                count.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(error.clone())
            };
            retried("a manifest", attempt).await.unwrap_err();
            count.into_inner()
        };
        assert_eq!(asked(SourceError::Passing(String::new())).await, 3);
        assert_eq!(asked(SourceError::Busy(String::new(), Duration::from_secs(60))).await, 3);
        assert_eq!(asked(SourceError::Final(String::new())).await, 1);
    }
}
