//! Runs tests of any kind, shows their output and has it counted.

use std::process::Command;

use anyhow::Result;

use super::Plan;
use super::watch::Watch;
use crate::{process, screen};

/// What the lines of a kind of tests say.
pub(super) trait Counts {
    /// Takes the next line.
    fn read(&mut self, line: &str);

    /// The failed tests so far.
    fn failures(&mut self) -> &mut Vec<String>;
}

/// Runs the command to its end or the plan's; how it ended is a failure where no failed test tells why.
///
/// # Errors
/// It can not be started.
pub(super) fn run(plan: &Plan, command: &mut Command, counts: &mut impl Counts) -> Result<()> {
    let watch = Watch::until(plan.deadline);
    let status = process::stream(command, |line| {
        screen::print(line);
        counts.read(line);
    })?;
    if watch.stop() {
        counts.failures().push("the tests hung and were ended at twice their time budget".to_owned());
    } else if !status.success() && counts.failures().is_empty() {
        let (spelled, ending) = (process::spelled(command), process::ending(status));
        counts.failures().push(format!("`{spelled}` ended with {ending} and names no failed test"));
    }
    Ok(())
}
