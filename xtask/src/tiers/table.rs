//! How tiers ended: their counts, the table and the closing line.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::screen::seconds;

/// What a tier came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// It ran.
    Ran {
        /// Tests that passed.
        passed: u64,
        /// What failed, one line each.
        failures: Vec<String>,
        /// Tests that are marked as ignored.
        ignored: u64,
    },
    /// It could not run, and why.
    CouldNotRun(String),
}

impl Outcome {
    /// A tier before its first test.
    pub(crate) fn nothing() -> Self {
        Self::Ran { passed: 0, failures: Vec::new(), ignored: 0 }
    }

    /// Every failure with the name of what it is a failure of in front.
    pub(crate) fn of(mut self, name: &str) -> Self {
        if let Self::Ran { failures, .. } = &mut self {
            failures.iter_mut().for_each(|failure| *failure = format!("{name}: {failure}"));
        }
        self
    }

    /// A tier that could not run, with the chain of causes in one line.
    pub(crate) fn could_not_run(error: &anyhow::Error) -> Self {
        Self::CouldNotRun(format!("{error:#}").replace('\n', " "))
    }

    /// Both together, as one tier.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Ran { passed, mut failures, ignored },
                Self::Ran { passed: more, failures: further, ignored: others },
            ) => {
                failures.extend(further);
                Self::Ran { passed: passed + more, failures, ignored: ignored + others }
            }
            (without @ Self::CouldNotRun(_), _) | (_, without @ Self::CouldNotRun(_)) => without,
        }
    }

    /// A tier that failed before its tests began.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        Self::Ran { passed: 0, failures: vec![format!("{error:#}")], ignored: 0 }
    }
}

/// A tier's outcome and time.
pub(crate) struct Report {
    /// The tier's name.
    pub(crate) name: &'static str,
    /// What it came to.
    pub(crate) outcome: Outcome,
    /// How long it took.
    pub(crate) time: Duration,
    /// How long it may take.
    pub(crate) budget: Duration,
}

impl Report {
    /// The failures, an overrun of the budget among them.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = match &self.outcome {
            Outcome::Ran { failures, .. } => failures.clone(),
            Outcome::CouldNotRun(_) => Vec::new(),
        };
        if self.time > self.budget {
            let (time, budget) = (seconds(self.time), seconds(self.budget));
            failures.push(format!("the tier {} took {time}; its budget is {budget}", self.name));
        }
        failures
    }

    fn row(&self) -> String {
        let time = seconds(self.time);
        let failed = self.failures().len();
        match &self.outcome {
            Outcome::Ran { passed, ignored, .. } => {
                let ignored = if *ignored == 0 { String::new() } else { format!("  ({ignored} ignored)") };
                format!("{:<8} {passed:>7} {failed:>7} {time:>13}{ignored}", self.name)
            }
            Outcome::CouldNotRun(why) => {
                format!("{:<8} {:>7} {failed:>7} {time:>13}  could not run: {why}", self.name, "-")
            }
        }
    }
}

/// The table of the tiers.
pub(crate) fn drawn(reports: &[Report]) -> String {
    let head = format!("{:<8} {:>7} {:>7} {:>13}", "tier", "passed", "failed", "time");
    let rows: Vec<String> = reports.iter().map(Report::row).collect();
    format!("\n{head}\n{}", rows.join("\n"))
}

/// Passed and failed over all tiers; `strict` makes a tier that could not run a failure.
pub(crate) fn sum(reports: &[Report], strict: bool) -> (u64, u64) {
    let (mut passed, mut failed) = (0, 0);
    for report in reports {
        failed += u64::try_from(report.failures().len()).unwrap_or(u64::MAX);
        match &report.outcome {
            Outcome::Ran { passed: more, .. } => passed += more,
            Outcome::CouldNotRun(_) => failed += u64::from(strict),
        }
    }
    (passed, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn reports() -> Vec<Report> {
        let budget = Duration::from_secs(100);
        let ran = Outcome::Ran { passed: 40, failures: vec!["a::b".to_owned()], ignored: 2 };
        let not = Outcome::CouldNotRun("no go".to_owned());
        vec![
            Report { name: "unit", outcome: ran, time: Duration::from_millis(8_200), budget },
            Report { name: "agent", outcome: not, time: Duration::from_millis(100), budget },
        ]
    }

    #[test]
    fn the_table_shows_counts_times_and_what_could_not_run() {
        expect![[r#"

            tier      passed  failed          time
            unit          40       1         8.2 s  (2 ignored)
            agent          -       0         0.1 s  could not run: no go"#]]
        .assert_eq(&drawn(&reports()));
    }

    #[test]
    fn a_tier_that_could_not_run_fails_only_where_it_must_run() {
        assert_eq!(sum(&reports(), false), (40, 1));
        assert_eq!(sum(&reports(), true), (40, 2));
    }

    #[test]
    fn an_overrun_is_a_failure() {
        let outcome = Outcome::Ran { passed: 1, failures: Vec::new(), ignored: 0 };
        let (time, budget) = (Duration::from_secs(61), Duration::from_secs(60));
        let report = Report { name: "unit", outcome, time, budget };
        assert_eq!(report.failures(), ["the tier unit took 1 min 01 s; its budget is 1 min 00 s"]);
    }
}
