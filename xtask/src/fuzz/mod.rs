//! Coverage-guided fuzzing of every decoder of foreign bytes: one instrumented program, one target after the other.

mod build;
mod engine;
mod said;

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::{screen, setup, signals};

pub(crate) use build::build;
pub(crate) use engine::{Choices, Engine, Outcome};

/// Feeds one target, or all, for so many seconds each; the number is the exit code.
///
/// # Errors
/// The program does not build, or there is no target of that name.
pub(crate) fn run(name: Option<&str>, seconds: u64) -> Result<u8> {
    ensure!(seconds > 0, "--seconds 0: at least one second is accepted");
    setup::programs()?;
    let engine = Engine::prepare(&build()?)?;
    let mut targets = engine.targets()?;
    if let Some(name) = name {
        if !targets.iter().any(|target| target == name) {
            bail!("there is no target {name:?}; the targets are {}", targets.join(", "));
        }
        targets.retain(|target| target == name);
    }
    let mut failed = 0_usize;
    for target in &targets {
        signals::check()?;
        let outcome = engine.feed(target, Duration::from_secs(seconds), Choices::New)?;
        if let Outcome::Found { told } = outcome {
            failed += 1;
            screen::print(&told);
        }
    }
    signals::check()?;
    screen::print(&format!("{} passed, {failed} failed", targets.len() - failed));
    Ok(u8::from(failed > 0))
}
