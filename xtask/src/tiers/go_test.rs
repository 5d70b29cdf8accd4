//! Runs a Go test binary, shows its output and counts what it says.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, Plan, counting};

/// Runs the binary (with `-test.v`) and counts its tests; one that skips has not shown anything and is a failure.
///
/// # Errors
/// It can not be started.
pub(crate) fn run(plan: &Plan, command: &mut Command) -> Result<Outcome> {
    let mut counts = Counts::default();
    counting::run(plan, command, &mut counts)?;
    Ok(Outcome::Ran { passed: counts.passed, failures: counts.failures, ignored: 0 })
}

/// What the lines of `-test.v` say, of tests and of cases within them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failures: Vec<String>,
}

impl counting::Counts for Counts {
    fn read(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("--- ") else { return };
        let name = || result.split_whitespace().nth(1).unwrap_or("a test without a name").to_owned();
        match result.split(':').next() {
            Some("PASS") => self.passed += 1,
            Some("FAIL") => self.failures.push(name()),
            Some("SKIP") => self.failures.push(format!("{} was skipped", name())),
            _ => {}
        }
    }

    fn passed(&self) -> u64 {
        self.passed
    }

    fn failures(&mut self) -> &mut Vec<String> {
        &mut self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::counting::Counts as _;
    use super::*;

    #[test]
    fn tests_and_their_cases_are_counted_and_a_skip_is_a_failure() {
        let mut counts = Counts::default();
        let output = "=== RUN   TestLife\n    --- PASS: TestLife/exit (0.10s)\n    --- FAIL: TestLife/stop (0.10s)\n\
            --- FAIL: TestLife (0.20s)\n--- SKIP: TestLater (0.00s)\nFAIL\n";
        output.lines().for_each(|line| counts.read(line));
        assert_eq!(counts.passed, 1);
        assert_eq!(counts.failures, ["TestLife/stop", "TestLife", "TestLater was skipped"]);
    }
}
