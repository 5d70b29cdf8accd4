//! Whether a task that ended is started again.

use crate::jobfile::{JobKind, RestartMode, RestartPolicy, Stage};
use nomad_host::driver::TaskExit;
use std::time::Duration;
use tokio::time::Instant;

/// How much of the delay is added at random, at most.
const JITTER: f64 = 0.25;

/// How one start of a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It ran and exited.
    Exited(TaskExit),
    /// It could not be started; a recoverable fault may go away.
    NotStarted {
        /// Whether the driver says that trying again may help.
        recoverable: bool,
    },
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is started again after the delay.
    Again {
        /// How long to wait.
        delay: Duration,
        /// Whether the attempts of this interval are used up.
        next_interval: bool,
    },
    /// It has done what it was meant to do.
    Done,
    /// It has failed, for this reason.
    Failed(String),
}

/// Counts the starts of one task.
#[derive(Debug)]
pub struct RestartTracker {
    policy: RestartPolicy,
    on_success: bool,
    interval_start: Instant,
    count: u32,
}

impl RestartTracker {
    /// A task that is started for the first time now.
    pub fn new(policy: RestartPolicy, kind: JobKind, stage: Stage, now: Instant) -> Self {
        let on_success = match stage {
            Stage::Main => kind == JobKind::Service,
            other => other.is_sidecar(),
        };
        Self { policy, on_success, interval_start: now, count: 0 }
    }

    /// Decides after an end. `random` is between 0 and 1.
    pub fn after(&mut self, end: End, now: Instant, random: f64) -> Decision {
        let success = matches!(end, End::Exited(exit) if exit.is_success());
        if success && !self.on_success {
            return Decision::Done;
        }
        if self.policy.attempts == 0 {
            return Decision::Failed("no restarts are allowed".into());
        }
        if now > self.interval_start + self.policy.interval {
            self.count = 0;
            self.interval_start = now;
        }
        self.count += 1;
        if end == (End::NotStarted { recoverable: false }) {
            return Decision::Failed("starting it again would not help".into());
        }
        if self.count <= self.policy.attempts {
            let delay = self.policy.delay + self.policy.delay.mul_f64(random.clamp(0.0, 1.0) * JITTER);
            return Decision::Again { delay, next_interval: false };
        }
        match self.policy.mode {
            RestartMode::Fail => {
                let interval = crate::duration::show_duration(self.policy.interval);
                Decision::Failed(format!("{} restarts within {interval} are used up", self.policy.attempts))
            }
            RestartMode::Delay => {
                let delay = (self.interval_start + self.policy.interval).saturating_duration_since(now);
                Decision::Again { delay, next_interval: true }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        attempts: 2,
        interval: Duration::from_secs(100),
        delay: Duration::from_secs(8),
        mode: RestartMode::Fail,
    };

    fn tracker(policy: RestartPolicy, kind: JobKind, stage: Stage) -> (RestartTracker, Instant) {
        let now = Instant::now();
        (RestartTracker::new(policy, kind, stage, now), now)
    }

    fn exited(code: i32) -> End {
        End::Exited(TaskExit::code(code))
    }

    fn again(seconds: u64) -> Decision {
        Decision::Again { delay: Duration::from_secs(seconds), next_interval: false }
    }

    #[test]
    fn a_batch_task_that_succeeds_is_done() {
        let (mut tracker, now) = tracker(POLICY, JobKind::Batch, Stage::Main);
        assert_eq!(tracker.after(exited(0), now, 0.0), Decision::Done);
    }

    #[test]
    fn a_service_and_a_sidecar_are_started_again_after_success() {
        for (kind, stage) in [(JobKind::Service, Stage::Main), (JobKind::Batch, Stage::PrestartSidecar)] {
            let (mut tracker, now) = tracker(POLICY, kind, stage);
            assert_eq!(tracker.after(exited(0), now, 0.0), again(8));
        }
    }

    #[test]
    fn a_prestart_or_poststop_task_of_a_service_is_done_after_success() {
        for stage in [Stage::Prestart, Stage::Poststart, Stage::Poststop] {
            let (mut tracker, now) = tracker(POLICY, JobKind::Service, stage);
            assert_eq!(tracker.after(exited(0), now, 0.0), Decision::Done);
        }
    }

    #[test]
    fn a_failing_task_is_started_as_often_as_the_policy_says() {
        let (mut tracker, now) = tracker(POLICY, JobKind::Batch, Stage::Main);
        assert_eq!(tracker.after(exited(1), now, 0.0), again(8));
        assert_eq!(tracker.after(exited(1), now, 1.0), again(10));
        assert_eq!(
            tracker.after(exited(1), now, 0.0),
            Decision::Failed("2 restarts within 1 min 40 s are used up".into())
        );
    }

    #[test]
    fn a_new_interval_counts_from_zero() {
        let (mut tracker, now) = tracker(POLICY, JobKind::Batch, Stage::Main);
        tracker.after(exited(1), now, 0.0);
        tracker.after(exited(1), now, 0.0);
        assert_eq!(tracker.after(exited(1), now + Duration::from_secs(101), 0.0), again(8));
    }

    #[test]
    fn in_delay_mode_the_next_interval_is_waited_for() {
        let policy = RestartPolicy { attempts: 1, mode: RestartMode::Delay, ..POLICY };
        let (mut tracker, now) = tracker(policy, JobKind::Batch, Stage::Main);
        tracker.after(exited(1), now, 0.0);
        let later = now + Duration::from_secs(30);
        let expected = Decision::Again { delay: Duration::from_secs(70), next_interval: true };
        assert_eq!(tracker.after(exited(1), later, 0.0), expected);
    }

    #[test]
    fn a_fault_that_may_go_away_is_tried_again_and_a_final_one_is_not() {
        let (mut tracker, now) = tracker(POLICY, JobKind::Batch, Stage::Main);
        assert_eq!(tracker.after(End::NotStarted { recoverable: true }, now, 0.0), again(8));
        let decision = tracker.after(End::NotStarted { recoverable: false }, now, 0.0);
        assert_eq!(decision, Decision::Failed("starting it again would not help".into()));
    }

    #[test]
    fn without_attempts_a_failure_is_final() {
        let policy = RestartPolicy { attempts: 0, ..POLICY };
        let (mut tracker, now) = tracker(policy, JobKind::Batch, Stage::Main);
        assert_eq!(tracker.after(exited(3), now, 0.0), Decision::Failed("no restarts are allowed".into()));
        assert_eq!(tracker.after(exited(0), now, 0.0), Decision::Done);
    }
}
