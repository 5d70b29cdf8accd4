//! Delays between attempts: doubling up to a cap, with jitter.

use std::time::Duration;

/// First delay.
const START: Duration = Duration::from_millis(50);
/// Longest delay.
const CAP: Duration = Duration::from_secs(1);

/// A growing delay.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: START }
    }
}

impl Backoff {
    /// The delay before the next attempt: between half and all of a value that doubles each time.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(CAP);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_stay_there() {
        let mut backoff = Backoff::default();
        let mut full = START;
        for _ in 0..12 {
            let delay = backoff.next_delay();
            assert!(delay >= full.mul_f64(0.5) && delay <= full, "{delay:?} of {full:?}");
            full = (full * 2).min(CAP);
        }
        assert_eq!(full, CAP);
    }
}
