//! Puts the options together.

use crate::{BuildError, Plan, Spec};

/// Builds the spec of a container.
///
/// # Errors
/// The first option whose value can not be expressed in a spec.
pub fn build(plan: Plan) -> Result<Spec, BuildError> {
    let Plan { .. } = plan;
    Ok(Spec::default())
}
