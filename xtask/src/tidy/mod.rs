//! The rules of the code: formatting, lints, the crates' arrows and what every file keeps to.

mod arrows;
mod circles;
mod modules;
mod rules;
pub(crate) mod sources;

use std::process::Command;

use anyhow::{Result, bail};

use crate::screen::Step;
use crate::{files, place, process, screen, setup, signals};

/// A check: its name and what finds its failures.
type Check = (&'static str, fn() -> Result<Vec<String>>);

const CHECKS: [Check; 6] = [
    ("formatting", formatting),
    ("the arrows between crates", arrows::check),
    ("the imports within crates", circles::check),
    ("the rules of the files", rules::check),
    ("the examples", examples),
    ("clippy", clippy),
];

/// Runs every check and prints one closing line; the number is the exit code.
///
/// # Errors
/// Something that the crates need for compiling is missing; a check that can not run has failed.
pub(crate) fn run() -> Result<u8> {
    setup::programs()?;
    let (passed, failures) = check_all();
    failures.iter().for_each(|line| screen::say(&format!("failed: {line}")));
    screen::print(&format!("{passed} passed, {} failed", failures.len()));
    Ok(u8::from(!failures.is_empty()))
}

/// Runs every check: how many passed, and the failures.
pub(crate) fn check_all() -> (u64, Vec<String>) {
    let mut passed = 0;
    let mut failures = Vec::new();
    for (name, check) in CHECKS {
        if signals::received().is_some() {
            break;
        }
        let step = Step::begin(name);
        let found = check().unwrap_or_else(|error| vec![format!("{error:#}")]);
        if found.is_empty() {
            passed += 1;
            step.done("");
        } else {
            step.failed(&format!("{} found", found.len()));
            failures.extend(found.into_iter().map(|line| format!("{name}: {line}")));
        }
    }
    (passed, failures)
}

/// A cargo command in the workspace.
fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(place::workspace());
    command
}

fn formatting() -> Result<Vec<String>> {
    let mut said = Vec::new();
    let mut command = cargo(&["fmt", "--all", "--", "--check", "--files-with-diff"]);
    let status = process::stream(&mut command, |line| said.push(line.to_owned()))?;
    if status.success() {
        return Ok(Vec::new());
    }
    let root = format!("{}/", place::workspace().display());
    let tell = |line: &String| match line.strip_prefix(&root) {
        Some(file) => format!("{file} is not formatted; run `cargo fmt --all`"),
        None => line.clone(),
    };
    Ok(said.iter().map(tell).collect())
}

fn clippy() -> Result<Vec<String>> {
    let mut command = cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    let (status, said) = process::heard(&mut command, |_| {})?;
    if status.success() {
        return Ok(Vec::new());
    }
    screen::say(&said);
    let errors = said.lines().filter(|line| line.starts_with("error"));
    let mut errors: Vec<String> = errors.map(|line| format!("{line} (shown above)")).collect();
    if errors.is_empty() {
        errors.push(format!("it ended with {}: {}", process::ending(status), files::tail(&said, 3)));
    }
    Ok(errors)
}

fn examples() -> Result<Vec<String>> {
    let jobs = files::entries(&place::workspace().join("examples"))?;
    if !jobs.iter().any(|path| files::name(path) == "redis.nomad.hcl") {
        bail!("examples/redis.nomad.hcl is missing; the demo runs it");
    }
    let mut found = Vec::new();
    for job in jobs.iter().filter(|path| path.extension().is_some_and(|end| end == "hcl")) {
        if std::fs::read_to_string(job)?.trim().is_empty() {
            found.push(format!("examples/{} is empty", files::name(job)));
        }
    }
    Ok(found)
}
