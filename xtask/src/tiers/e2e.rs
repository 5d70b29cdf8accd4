//! The end-to-end tests: the release binary on a private containerd, and afterwards nothing is left.

use anyhow::Result;

use super::{Outcome, Plan, cargo_test, daemon};

/// The container port's own tests, which pass the same suite as the driver's fake.
const ADAPTER: &[&str] =
    &["--package", "containerd-backend", "--test", "real", "--no-fail-fast", "--", "--ignored"];
/// The built binary.
const BINARY: &[&str] = &["--package", "e2e", "--no-fail-fast"];

/// Runs them.
///
/// # Errors
/// Something that they need is missing.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    daemon::run(plan, |prepare| {
        let adapter = cargo_test::run(plan, ADAPTER, prepare)?;
        Ok(adapter.and(cargo_test::run(plan, BINARY, prepare)?))
    })
}
