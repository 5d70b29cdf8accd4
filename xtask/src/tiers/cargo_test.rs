//! Runs `cargo test`, shows its output and counts what it says.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, Plan, counting};
use crate::place;

/// Runs `cargo test` with these arguments and counts its tests.
///
/// # Errors
/// cargo can not be started.
pub(crate) fn run(plan: &Plan, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Result<Outcome> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("test").args(args).current_dir(place::workspace());
    prepare(&mut command);
    counted(plan, &mut command)
}

/// Runs cargo or a test binary and counts its tests.
///
/// # Errors
/// It can not be started.
pub(crate) fn counted(plan: &Plan, command: &mut Command) -> Result<Outcome> {
    let mut counts = Counts::default();
    counting::run(plan, command, &mut counts)?;
    Ok(Outcome::Ran { passed: counts.passed, failures: counts.failures, ignored: counts.ignored })
}

/// What the lines of `cargo test` say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    ignored: u64,
    failures: Vec<String>,
    /// Failed tests whose binary has not summed up yet.
    open: Vec<String>,
}

impl counting::Counts for Counts {
    fn read(&mut self, line: &str) -> Option<String> {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.open.push(name.to_owned());
        }
        let sum = line.strip_prefix("test result: ")?;
        self.passed += number(sum, "passed");
        self.ignored += number(sum, "ignored");
        let failed = usize::try_from(number(sum, "failed")).unwrap_or(usize::MAX);
        // Output of a test may have torn its line, so the sum decides how many there are.
        self.open.resize_with(failed, || "a test whose name the output above shows".to_owned());
        self.failures.append(&mut self.open);
        None
    }

    fn passed(&self) -> u64 {
        self.passed
    }

    fn failures(&mut self) -> &mut Vec<String> {
        &mut self.failures
    }
}

/// The number before `what` in `ok. 3 passed; 0 failed; …`.
fn number(sum: &str, what: &str) -> u64 {
    let mut words = sum.split([' ', ';', '.']).filter(|word| !word.is_empty());
    let mut last = 0;
    loop {
        match words.next() {
            Some(word) if word == what => return last,
            Some(word) => last = word.parse().unwrap_or(0),
            None => return 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::counting::Counts as _;
    use super::*;
    use expect_test::expect;

    #[test]
    fn passed_failed_and_ignored_are_summed_over_binaries() {
        let mut counts = Counts::default();
        let output = "running 3 tests\ntest a::works ... ok\ntest a::breaks ... FAILED\n\
            test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(output.lines().filter_map(|line| counts.read(line)).count(), 0);
        expect![[r#"
            Counts {
                passed: 13,
                ignored: 1,
                failures: [
                    "a::breaks",
                ],
                open: [],
            }"#]]
        .assert_eq(&format!("{counts:#?}"));
    }

    #[test]
    fn a_failed_test_with_a_torn_line_still_counts() {
        let mut counts = Counts::default();
        for line in
            ["test a::breaks ... some output FAILED", "test result: FAILED. 0 passed; 1 failed; 0 ignored"]
        {
            assert_eq!(counts.read(line), None);
        }
        assert_eq!(counts.failures, ["a test whose name the output above shows"]);
    }
}
