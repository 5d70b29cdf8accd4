//! Runs tests of any kind, shows their output and has it counted.

use std::process::Command;

use anyhow::Result;

use super::Plan;
use super::watch::Watch;
use crate::{process, screen};

/// What the lines of a kind of tests say.
pub(super) trait Counts {
    /// Takes the next line, and gives what is to be shown after it, if anything.
    fn read(&mut self, line: &str) -> Option<String>;

    /// How many tests passed so far.
    fn passed(&self) -> u64;

    /// The failed tests so far.
    fn failures(&mut self) -> &mut Vec<String>;
}

/// Runs the command to its end or the plan's; how it ended is a failure where no failed test tells why, and so is that
/// it ran nothing, as with a filter that no test's name has.
///
/// # Errors
/// It can not be started.
pub(super) fn run(plan: &Plan, command: &mut Command, counts: &mut impl Counts) -> Result<()> {
    let watch = Watch::until(plan.deadline());
    let status = process::stream(command, |line| {
        screen::print(line);
        if let Some(told) = counts.read(line) {
            screen::print(&told);
        }
    })?;
    if watch.stop() {
        counts.failures().push("the tests hung and were ended at twice their time budget".to_owned());
    } else if counts.failures().is_empty() {
        let spelled = process::spelled(command);
        if !status.success() {
            let ending = process::ending(status);
            counts.failures().push(format!("`{spelled}` ended with {ending} and names no failed test"));
        } else if counts.passed() == 0 {
            counts.failures().push(format!("`{spelled}` ran no test"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[derive(Default)]
    struct Lines(u64, Vec<String>);

    impl Counts for Lines {
        fn read(&mut self, _: &str) -> Option<String> {
            self.0 += 1;
            None
        }

        fn passed(&self) -> u64 {
            self.0
        }

        fn failures(&mut self) -> &mut Vec<String> {
            &mut self.1
        }
    }

    fn failures(command: &mut Command) -> Vec<String> {
        let mut lines = Lines::default();
        run(&Plan::new(None, false, Duration::from_secs(60)), command, &mut lines).unwrap();
        lines.1
    }

    #[test]
    fn a_suite_that_ran_nothing_has_failed() {
        assert_eq!(failures(&mut Command::new("true")), ["`true` ran no test"]);
        assert!(failures(&mut Command::new("echo")).is_empty());
    }

    #[test]
    fn a_suite_that_ends_badly_has_failed_whatever_it_ran() {
        let ended = failures(&mut Command::new("false"));
        assert_eq!(ended, ["`false` ended with exit code 1 and names no failed test"]);
    }
}
