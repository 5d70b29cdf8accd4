//! The tests beside the code, of every crate but the end-to-end ones.

use anyhow::Result;

use super::{Outcome, Plan, cargo_test};

/// Runs them.
///
/// # Errors
/// cargo can not be started.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    cargo_test::run(plan, &["--workspace", "--exclude", "e2e", "--no-fail-fast"], |_| {})
}
