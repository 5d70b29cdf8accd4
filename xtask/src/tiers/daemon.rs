//! What the tiers on a real containerd share: a private one, the tests' variables, and the leak check afterwards.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Outcome, Plan, driver};
use crate::containerd::{Private, Version};
use crate::leaks::{self, Host};
use crate::{environment, images, packages, setup, signals, with_containerd};

/// What the tests find beside containerd.
pub(crate) struct Tools {
    /// The directory of the image archives.
    pub(crate) images: PathBuf,
    /// The registry server.
    pub(crate) registry: PathBuf,
    /// The driver's release binary.
    pub(crate) driver: PathBuf,
}

/// Runs suites on a private containerd of that version, with everything made that they need.
///
/// # Errors
/// Something that they need is missing.
pub(crate) fn run(
    plan: &Plan,
    version: Version,
    suites: impl FnOnce(&dyn Fn(&mut Command)) -> Result<Outcome>,
) -> Result<Outcome> {
    setup::programs()?;
    let images = plan.build(images::make)?;
    let registry = plan.build(packages::registry)?;
    let driver = match plan.build(driver) {
        Ok(driver) => driver,
        Err(error) => return Ok(Outcome::failed(&error)),
    };
    signals::check()?;
    on(plan, &Tools { images, registry, driver }, || Private::start(version), suites)
}

/// Runs suites on a private containerd, and the leak check as one test more. The suites get what prepares a command.
///
/// # Errors
/// containerd does not start, or a suite does not.
pub(crate) fn on(
    plan: &Plan,
    tools: &Tools,
    start: impl FnOnce() -> Result<Private>,
    suites: impl FnOnce(&dyn Fn(&mut Command)) -> Result<Outcome>,
) -> Result<Outcome> {
    let before = Host::now()?;
    let private = start()?;
    let mark = private.instance.dir.display().to_string();
    let ran = suites(&|command| {
        with_containerd::point_at(command, &private.instance);
        tell(command, plan, tools);
        command.env(environment::TEST_RUN, &mark);
    });
    let left = leaks::left(&before, &private, &mark);
    let stopped = private.stop();
    let mut outcome = ran?;
    if let Outcome::Ran { passed, failures, .. } = &mut outcome {
        let mut leaks = left.unwrap_or_else(|error| vec![format!("what is left can not be told: {error:#}")]);
        leaks.extend(stopped.err().map(|error| format!("{error:#}")));
        if leaks.is_empty() {
            *passed += 1;
        } else {
            failures.push(format!("the tests left behind:\n  {}", leaks.join("\n  ")));
        }
    }
    Ok(outcome)
}

fn tell(command: &mut Command, plan: &Plan, Tools { images, registry, driver }: &Tools) {
    command
        .env(environment::TEST_IMAGES, images)
        .env(environment::DOCKER_REGISTRY_BIN, registry)
        .env(environment::CONTAINERD_DRIVER_BIN, driver);
    if let Ok(me) = std::env::current_exe() {
        command.env(environment::XTASK_BIN, me);
    }
    if let Some(dir) = setup::cni_dir() {
        command.env(environment::CNI_PATH, dir);
    }
    if plan.long {
        command.env(environment::TEST_LONG, "1");
    }
    if let Some(rounds) = plan.rounds {
        command.env(environment::TEST_ROUNDS, rounds.to_string());
    }
}
