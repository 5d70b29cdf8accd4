//! How long recoveries wait for containerd, all of them together.
//!
//! Clients recover one task after another. When containerd hangs, each would wait for its own time, and an agent with
//! hundreds of tasks would be back only after minutes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time in all, for as long as no answer comes.
const TOGETHER: Duration = Duration::from_secs(10);

/// What is left of that time.
#[derive(Debug)]
pub(crate) struct Patience(Mutex<Duration>);

impl Default for Patience {
    fn default() -> Self {
        Self(Mutex::new(TOGETHER))
    }
}

impl Patience {
    /// Waits for an answer, for its own time and for what all have left; none when both are over. An answer shows that
    /// containerd does not hang, so all is left again.
    pub(crate) async fn wait<T>(&self, own: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let (left, begun) = (self.left(), Instant::now());
        if left.is_zero() {
            return None;
        }
        let answer = tokio::time::timeout(own.min(left), answer).await.ok();
        self.set(match answer {
            Some(_) => TOGETHER,
            None => left.saturating_sub(begun.elapsed()),
        });
        answer
    }

    fn left(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, left: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_that_hear_nothing_wait_no_longer_than_a_few() {
        let (patience, begun) = (Patience::default(), Instant::now());
        for _ in 0..200 {
            assert_eq!(patience.wait(Duration::from_secs(2), pending::<()>()).await, None);
        }
        assert_eq!(begun.elapsed(), TOGETHER);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_gives_all_the_time_back() {
        let patience = Patience::default();
        for _ in 0..4 {
            assert_eq!(patience.wait(Duration::from_secs(2), pending::<()>()).await, None);
        }
        assert_eq!(patience.wait(Duration::from_secs(2), ready(1)).await, Some(1));
        assert_eq!(patience.left(), TOGETHER);
    }
}
