//! Runs a Go test binary, shows its output and counts what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Outcome, Plan, counting};

/// How long before the tests' end a binary ends itself, and names the tests that hang.
const WORDS: Duration = Duration::from_secs(60);

/// Runs the binary and counts its tests; one that skips has not shown anything and is a failure.
///
/// # Errors
/// It can not be started.
pub(crate) fn run(plan: &Plan, command: &mut Command) -> Result<Outcome> {
    let left = plan.deadline().saturating_duration_since(Instant::now()).saturating_sub(WORDS);
    // None at all is what it would take 0 for.
    command.args(["-test.v".to_owned(), format!("-test.timeout={}s", left.as_secs().max(1))]);
    let mut counts = Counts::default();
    counting::run(plan, command, &mut counts)?;
    Ok(Outcome::Ran { passed: counts.passed, failures: counts.failures, ignored: 0 })
}

/// What the lines of `-test.v` say, of tests and of cases within them. That a case failed they say only when the whole
/// test has ended, what it failed with at once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failures: Vec<String>,
    /// The test that speaks.
    speaker: String,
    /// The tests whose failures were shown.
    shown: BTreeSet<String>,
    /// What the others said so far.
    said: BTreeMap<String, Vec<String>>,
}

/// How lines begin that tell of the end of all tests: by the Go runtime, and by the harness of the tests.
const ENDS: [&str; 3] = ["panic: ", "fatal error: ", "FAIL: "];

impl Counts {
    /// Takes how a test has ended; gives one that failed and was not shown, with all that it said.
    fn ended(&mut self, result: &str) -> Option<String> {
        let (how, rest) = result.split_once(": ")?;
        let name = rest.split_whitespace().next().unwrap_or("a test without a name");
        let said = self.said.remove(name).unwrap_or_default();
        name.clone_into(&mut self.speaker);
        match how {
            "FAIL" => self.failures.push(name.to_owned()),
            "SKIP" => self.failures.push(format!("{name} was skipped")),
            _ => {
                self.passed += u64::from(how == "PASS");
                return None;
            }
        }
        let case = format!("{name}/");
        if self.shown.iter().any(|shown| shown == name || shown.starts_with(&case)) {
            return None;
        }
        let failed = self.failures.last().map(|failure| format!("FAILED {failure}"));
        Some(failed.into_iter().chain(said).collect::<Vec<_>>().join("\n"))
    }
}

/// Whether a line is of a place in a test alone: a failure follows, as its text begins with a line break.
fn is_failure(line: &str) -> bool {
    let place = line.strip_prefix("    ").and_then(|line| line.trim_end().strip_suffix(':'));
    let place = place.and_then(|place| place.rsplit_once(".go:"));
    place.is_some_and(|(file, number)| !file.contains(' ') && number.parse::<u32>().is_ok())
}

impl counting::Counts for Counts {
    fn read(&mut self, line: &str) -> Option<String> {
        if let Some(result) = line.trim_start().strip_prefix("--- ") {
            return self.ended(result);
        }
        if let Some(change) = line.strip_prefix("=== ") {
            change.split_whitespace().nth(1).unwrap_or_default().clone_into(&mut self.speaker);
        } else if ENDS.iter().any(|end| line.starts_with(end)) {
            let failure = line.strip_prefix("FAIL: ").unwrap_or(line);
            self.failures.push(failure.to_owned());
            return Some(format!("FAILED {failure}"));
        } else if is_failure(line) {
            self.shown.insert(self.speaker.clone());
            return Some(format!("FAILED {}:", self.speaker));
        } else if line.starts_with("    ") {
            self.said.entry(self.speaker.clone()).or_default().push(line.to_owned());
        }
        None
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
    use super::super::agent;
    use super::counting::Counts as _;
    use super::*;
    use crate::files;
    use expect_test::{Expect, expect};

    /// Holds what is shown beside the output.
    fn shown(output: &str, expected: &Expect) -> Counts {
        let mut counts = Counts::default();
        let told: Vec<String> = output.lines().filter_map(|line| counts.read(line)).collect();
        expected.assert_eq(&told.join("\n"));
        counts
    }

    #[test]
    fn tests_and_their_cases_are_counted_and_a_skip_is_a_failure() {
        let output = "=== RUN   TestLife\n    --- PASS: TestLife/exit (0.10s)\n    --- FAIL: TestLife/stop (0.10s)\n\
            --- FAIL: TestLife (0.20s)\n--- SKIP: TestLater (0.00s)\nFAIL\n";
        let counts = shown(
            output,
            &expect![[r#"
            FAILED TestLife/stop
            FAILED TestLife
            FAILED TestLater was skipped"#]],
        );
        assert_eq!(counts.passed, 1);
        assert_eq!(counts.failures, ["TestLife/stop", "TestLife", "TestLater was skipped"]);
    }

    #[test]
    fn a_failure_is_shown_once_and_when_it_happens() {
        let output = "=== RUN   TestLife/stop\n=== RUN   TestLate\n    late_test.go:7: no failure:\n\
            === NAME  TestLife/stop\n    life_test.go:42: \n        not within 1m0s: it is dead: running\n";
        let counts = shown(output, &expect!["FAILED TestLife/stop:"]);
        assert!(counts.failures.is_empty());
        let output = format!(
            "{output}--- PASS: TestLate (0.10s)\n--- FAIL: TestLife (60.10s)\n    --- FAIL: TestLife/stop (60.10s)\n"
        );
        let counts = shown(&output, &expect!["FAILED TestLife/stop:"]);
        assert_eq!(counts.failures, ["TestLife", "TestLife/stop"]);
    }

    #[test]
    fn a_test_that_failed_without_a_word_of_it_is_shown_with_all_that_it_said() {
        let output = "=== RUN   TestLife\n    life_test.go:42: timeout: no keyring\n        for a while\n\
            === NAME  TestLate\n    late_test.go:8: of another\n--- FAIL: TestLife (60.10s)\n";
        shown(
            output,
            &expect![[r#"
            FAILED TestLife
                life_test.go:42: timeout: no keyring
                    for a while"#]],
        );
    }

    #[test]
    fn an_end_of_all_tests_is_a_failure() {
        let output =
            "=== RUN   TestLife\npanic: test timed out after 7m0s\n\trunning tests:\n\t\tTestLife (7m0s)\n";
        let counts = shown(output, &expect!["FAILED panic: test timed out after 7m0s"]);
        assert_eq!(counts.failures, ["panic: test timed out after 7m0s"]);
        let output = "--- PASS: TestLife (0.10s)\nPASS\nFAIL: left behind by the cases: [shim 7]\n";
        let counts = shown(output, &expect!["FAILED left behind by the cases: [shim 7]"]);
        assert_eq!(counts.failures, ["left behind by the cases: [shim 7]"]);
    }

    #[test]
    fn every_failure_of_the_go_module_begins_with_a_line_break() {
        for directory in ["", "driver", "harness"] {
            for file in files::entries(&agent::module().join(directory)).unwrap() {
                if file.extension().is_none_or(|extension| extension != "go") {
                    continue;
                }
                let text = std::fs::read_to_string(&file).unwrap();
                let calls = text.lines().map(str::trim_start);
                for call in calls.filter(|line| line.starts_with("t.Fatal") || line.starts_with("t.Error")) {
                    assert!(call.contains("(\"\\n"), "{}: {call}", file.display());
                }
            }
        }
    }
}
