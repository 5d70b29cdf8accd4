//! What a tier is told, and the time that its builds take, which is no part of its budget.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::watch::Watch;
use crate::screen;

/// How long one build or download may take; more is its end. A first release build, or a first one with Go, takes
/// minutes on two quiet cores.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What a tier is told.
pub(crate) struct Plan {
    /// Rounds of the tiers that count in rounds.
    pub(crate) rounds: Option<u32>,
    /// Whether tests that have a long form run it.
    pub(crate) long: bool,
    end: Instant,
    built: Cell<Duration>,
}

impl Plan {
    /// A tier that begins now and is ended after that time, its builds not counted.
    pub(crate) fn new(rounds: Option<u32>, long: bool, time: Duration) -> Self {
        Self { rounds, long, end: Instant::now() + time, built: Cell::default() }
    }

    /// When the tests that run are ended.
    pub(crate) fn deadline(&self) -> Instant {
        self.end + self.built.get()
    }

    /// How long the builds took so far.
    pub(crate) fn built(&self) -> Duration {
        self.built.get()
    }

    /// Builds or fetches something that tests need.
    ///
    /// # Errors
    /// It fails, or takes longer than a build may.
    pub(crate) fn build<T>(&self, build: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let watch = Watch::until(begun + LIMIT);
        let result = build();
        let ended = watch.stop();
        self.built.set(self.built.get() + begun.elapsed());
        if ended {
            bail!("the build hung and was ended after {}", screen::seconds(LIMIT));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_build_is_counted_apart_and_puts_off_the_deadline() {
        let plan = Plan::new(None, false, Duration::from_secs(60));
        let before = plan.deadline();
        assert_eq!(plan.build(|| Ok(7)).unwrap(), 7);
        assert!(plan.built() > Duration::ZERO);
        assert_eq!(plan.deadline(), before + plan.built());
    }
}
