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
    /// How long its tests took.
    pub(crate) time: Duration,
    /// How long before that the driver and tests in Go were built, which is no part of the budget.
    pub(crate) built: Duration,
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

    /// A line for each failure; that the tier could not run is one where it is `strict`.
    pub(crate) fn told(&self, strict: bool) -> Vec<String> {
        let not = match &self.outcome {
            Outcome::CouldNotRun(why) if strict => Some(format!("could not run: {why}")),
            _ => None,
        };
        let failures = not.into_iter().chain(self.failures());
        failures.map(|failure| format!("FAILED {}: {failure}", self.name)).collect()
    }

    fn row(&self) -> String {
        let (time, built) = (seconds(self.time), seconds(self.built));
        let failed = self.failures().len();
        match &self.outcome {
            Outcome::Ran { passed, ignored, .. } => {
                let ignored = if *ignored == 0 { String::new() } else { format!("  ({ignored} ignored)") };
                format!("{:<8} {passed:>7} {failed:>7} {time:>13} {built:>13}{ignored}", self.name)
            }
            Outcome::CouldNotRun(why) => {
                format!(
                    "{:<8} {:>7} {failed:>7} {time:>13} {built:>13}  could not run: {why}",
                    self.name, "-"
                )
            }
        }
    }
}

/// The table of the tiers.
pub(crate) fn drawn(reports: &[Report]) -> String {
    let head =
        format!("{:<8} {:>7} {:>7} {:>13} {:>13}", "tier", "passed", "failed", "tests took", "builds took");
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

    fn report(name: &'static str, outcome: Outcome, time: Duration) -> Report {
        Report { name, outcome, time, built: Duration::from_secs(75), budget: Duration::from_secs(60) }
    }

    fn reports() -> Vec<Report> {
        let ran = Outcome::Ran { passed: 40, failures: vec!["a::b".to_owned()], ignored: 2 };
        let not = Outcome::CouldNotRun("no go".to_owned());
        vec![
            report("unit", ran, Duration::from_millis(8_200)),
            report("agent", not, Duration::from_millis(100)),
        ]
    }

    #[test]
    fn the_table_shows_counts_times_and_what_could_not_run() {
        expect![[r#"

            tier      passed  failed    tests took   builds took
            unit          40       1         8.2 s    1 min 15 s  (2 ignored)
            agent          -       0         0.1 s    1 min 15 s  could not run: no go"#]]
        .assert_eq(&drawn(&reports()));
    }

    #[test]
    fn a_tier_that_could_not_run_fails_only_where_it_must_run() {
        assert_eq!(sum(&reports(), false), (40, 1));
        assert_eq!(sum(&reports(), true), (40, 2));
    }

    #[test]
    fn an_overrun_is_a_failure() {
        let report = report("unit", Outcome::nothing(), Duration::from_secs(61));
        assert_eq!(report.failures(), ["the tier unit took 1 min 01 s; its budget is 1 min 00 s"]);
    }

    #[test]
    fn every_failure_is_told_with_the_word_that_logs_are_searched_for() {
        let told = |strict| reports().iter().flat_map(|report| report.told(strict)).collect::<Vec<_>>();
        assert_eq!(told(false), ["FAILED unit: a::b"]);
        assert_eq!(told(true), ["FAILED unit: a::b", "FAILED agent: could not run: no go"]);
    }
}
