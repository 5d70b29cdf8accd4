//! What the lines of a guest's console say.

use anyhow::{Context, Result};

use crate::tiers::table::Outcome;

/// Before the outcome, on the last line of a guest whose tests have run.
const OUTCOME: &str = "guest outcome: ";

/// What the kernel says when it can not go on.
const PANIC: &str = "Kernel panic - not syncing";

/// The line with which a guest tells how its tests ended.
///
/// # Errors
/// The outcome can not be written as JSON.
pub(crate) fn told(outcome: &Outcome) -> Result<String> {
    let json = serde_json::to_string(outcome).context("can not write an outcome as JSON")?;
    Ok(format!("{OUTCOME}{json}"))
}

/// Reads a console line by line.
#[derive(Debug, Default)]
pub(crate) struct Console {
    outcome: Option<Outcome>,
    panic: Option<String>,
}

impl Console {
    /// Takes note of a line; whether it is for people.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        if line.contains(PANIC) {
            self.panic = Some(line.trim().to_owned());
        }
        let told = line.strip_prefix(OUTCOME).and_then(|json| serde_json::from_str(json).ok());
        let is_outcome = told.is_some();
        self.outcome = told.or(self.outcome.take());
        !is_outcome
    }

    /// How the tests ended; `name` is the guest's. `ending` tells of its machine.
    pub(crate) fn outcome(self, name: &str, ending: &str) -> Outcome {
        let failed = |why: String| Outcome::Ran { passed: 0, failures: vec![why], ignored: 0 };
        match (self.panic, self.outcome) {
            (Some(panic), _) => failed(format!("the kernel of {name} panicked: {panic}")),
            (None, Some(outcome)) => outcome.of(name),
            (None, None) => failed(format!("{name} told no outcome; its machine ended with {ending}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran() -> Outcome {
        Outcome::Ran { passed: 3, failures: vec!["a::b".to_owned()], ignored: 1 }
    }

    fn read(lines: &[&str]) -> Outcome {
        let mut console = Console::default();
        for line in lines {
            console.read(line);
        }
        console.outcome("the guest", "exit code 0")
    }

    fn failures(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Ran { failures, .. } => failures.join("|"),
            Outcome::CouldNotRun(why) => why.clone(),
        }
    }

    #[test]
    fn the_outcome_comes_through_whole_and_names_its_guest() {
        let line = told(&ran()).unwrap();
        let outcome = read(&["test a::b ... FAILED", &line]);
        let expected = Outcome::Ran { passed: 3, failures: vec!["the guest: a::b".to_owned()], ignored: 1 };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn only_the_outcome_is_no_line_for_people() {
        let mut console = Console::default();
        assert!(console.read("test result: ok. 1 passed"));
        assert!(console.read("guest outcome: torn"));
        assert!(!console.read(&told(&ran()).unwrap()));
    }

    #[test]
    fn a_guest_that_says_nothing_has_failed() {
        let outcome = read(&["test result: ok. 1 passed; 0 failed"]);
        assert_eq!(failures(&outcome), "the guest told no outcome; its machine ended with exit code 0");
    }

    #[test]
    fn a_panic_is_told_whatever_came_before() {
        let panic = "[    2.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100";
        let outcome = read(&[&told(&ran()).unwrap(), panic]);
        assert_eq!(failures(&outcome), format!("the kernel of the guest panicked: {panic}"));
    }
}
