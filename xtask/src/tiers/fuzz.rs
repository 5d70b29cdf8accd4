//! The decoders of foreign bytes, each fed for some seconds by what it reaches.

use std::time::Duration;

use anyhow::Result;

use super::watch::Watch;
use super::{Outcome, Plan};
use crate::fuzz::{self, Engine};
use crate::{screen, setup, signals};

/// For how long a target is fed; the engine ends within the next second.
const TIME: Duration = Duration::from_secs(2);

/// In what time the planted fault is to be found; it takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the targets and feeds them.
///
/// # Errors
/// Something that the build needs is missing.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    setup::programs()?;
    let engine = match plan.build(|| Engine::prepare(&fuzz::build()?)) {
        Ok(engine) => engine,
        Err(error) => return Ok(Outcome::failed(&error)),
    };
    let watch = Watch::until(plan.deadline());
    let fed = feed(&engine);
    let hung = watch.stop().then(|| "the targets hung and were ended at twice their time budget".to_owned());
    let (passed, mut failures) = fed?;
    failures.extend(hung);
    Ok(Outcome::Ran { passed, failures, ignored: 0 })
}

/// How many targets held, and what was found.
fn feed(engine: &Engine) -> Result<(u64, Vec<String>)> {
    let (mut passed, mut failures) = (0, Vec::new());
    match engine.finds(PATIENCE)? {
        true => passed += 1,
        false => failures.push("the engine does not find a planted fault: it is blind".to_owned()),
    }
    for target in engine.targets()? {
        if signals::received().is_some() {
            break;
        }
        match engine.feed(&target, TIME, fuzz::Choices::SameEachTime)? {
            fuzz::Outcome::Held => passed += 1,
            fuzz::Outcome::Found { told } => {
                screen::print(&told);
                failures.push(format!("{target}: an input that does not hold (shown above)"));
            }
        }
    }
    Ok((passed, failures))
}
