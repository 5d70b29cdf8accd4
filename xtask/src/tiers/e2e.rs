//! The end-to-end tests: the release binary on a private containerd, and afterwards nothing is left. What a release
//! build costs at run time is looked at beside them.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, Plan, cargo_test};

/// The container port's own tests, which pass the same suite as the driver's fake.
const ADAPTER: &[&str] =
    &["--package", "containerd-backend", "--test", "real", "--no-fail-fast", "--", "--ignored"];
/// The benchmarks that have a target. The driver is named beside them for what it is made of not to be built anew.
const TARGETS: &[&str] = &[
    "--release",
    "--package",
    "containerd-driver",
    "--package",
    "oci-builder",
    "--package",
    "linux-host",
    "--bench",
    "spec",
    "--bench",
    "stats",
    "--no-fail-fast",
];
/// The built binary.
const BINARY: &[&str] = &["--package", "e2e", "--no-fail-fast"];
/// The modules of it that are about ends of tasks, about the loss of the plugin and of containerd, and about what
/// containerd makes of a container itself.
const EXITS: &[&str] = &[
    "--package",
    "e2e",
    "--test",
    "e2e",
    "--no-fail-fast",
    "--",
    "baseline::",
    "exits::",
    "kills::",
    "outage::",
    "predecessor::",
    "recovery::",
    "recovery_edges::",
    "stale::",
    "stop::",
];

/// Runs all of them.
///
/// # Errors
/// cargo can not be started.
pub(crate) fn all(plan: &Plan, prepare: &dyn Fn(&mut Command)) -> Result<Outcome> {
    let mut together = Outcome::nothing();
    for arguments in [TARGETS, ADAPTER, BINARY] {
        together = together.and(cargo_test::run(plan, arguments, prepare)?);
    }
    Ok(together)
}

/// Runs those of them that other versions of containerd may let end otherwise.
///
/// # Errors
/// cargo can not be started.
pub(crate) fn exits(plan: &Plan, prepare: &dyn Fn(&mut Command)) -> Result<Outcome> {
    cargo_test::run(plan, EXITS, prepare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_chooses_a_test() {
        let texts = EXITS.iter().skip_while(|argument| **argument != "--");
        super::super::filters::choose_tests("e2e", &texts.copied().collect::<Vec<_>>());
    }
}
