//! HashiCorp's own client and a real agent, in a Go module of tests, hold the release binary to what Nomad expects.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Outcome, Plan, go_test};
use crate::{files, place, process, screen};

/// Where Go's own archive is unpacked when PATH does not name it.
const GO: &str = "/usr/local/go/bin/go";

/// A version of Nomad.
#[derive(Clone, Copy)]
pub(crate) struct Nomad {
    pub(crate) version: &'static str,
    /// The module file that requires it; the versions share all else.
    pub(crate) module: &'static str,
}

/// Cases of the Go module.
#[derive(Clone, Copy)]
pub(crate) struct Cases {
    pub(crate) package: &'static str,
    /// The names of tests, or of one test and cases in it; without any, all.
    pub(crate) only: &'static [&'static [&'static str]],
    /// The name of a test that has a tier of its own.
    pub(crate) without: Option<&'static str>,
}

/// The pattern of exactly these names, the cases of a test after the test.
fn pattern(names: &[&[&str]]) -> String {
    // In the name of a case Go writes a space as `_`.
    let level = |names: &&[&str]| format!("^({})$", names.join("|").replace(' ', "_"));
    names.iter().map(level).collect::<Vec<_>>().join("/")
}

/// Builds cases against a version of Nomad and runs them.
///
/// # Errors
/// Go is missing, or the cases can not be started.
pub(crate) fn run(
    plan: &Plan,
    nomad: Nomad,
    cases: Cases,
    prepare: &dyn Fn(&mut Command),
) -> Result<Outcome> {
    let go = go()?;
    let binary = match plan.build(|| build(&go, nomad, cases.package)) {
        Ok(binary) => binary,
        Err(error) => return Ok(Outcome::failed(&error)),
    };
    let mut command = Command::new(binary);
    // Most of a case's time is waiting, so that more of them than there are cores have room beside each other.
    command.arg("-test.parallel=4").current_dir(module());
    if !cases.only.is_empty() {
        command.arg(format!("-test.run={}", pattern(cases.only)));
    }
    if let Some(test) = cases.without {
        command.arg(format!("-test.skip={}", pattern(&[&[test]])));
    }
    prepare(&mut command);
    go_test::run(plan, &mut command)
}

/// The Go toolchain.
///
/// # Errors
/// There is none.
pub(crate) fn go() -> Result<PathBuf> {
    let found = place::program("go").or_else(|| Some(PathBuf::from(GO)).filter(|go| go.is_file()));
    found.context("there is no Go toolchain on this host; the tests under a real agent are built with go (1.25.8 or later)")
}

/// The directory of the Go module.
pub(crate) fn module() -> PathBuf {
    place::workspace().join("tests/agent")
}

/// The first build takes minutes, as it compiles an agent; Go keeps what it has built.
fn build(go: &Path, nomad: Nomad, package: &str) -> Result<PathBuf> {
    // An agent starts itself again as its log collector, which it can only under this name.
    let name = if package == "." { "nomad".to_owned() } else { files::name(Path::new(package)) };
    let binary = place::cache("agent")?.join(nomad.version).join(name);
    let version = nomad.version;
    screen::say(&format!(
        "building the agent tests of {package} with Nomad {version} (minutes, when it is the first time)"
    ));
    let mut command = Command::new(go);
    command.args(["test", "-modfile", nomad.module, "-c", "-o"]).arg(&binary).arg(package);
    let (status, said) = process::heard(command.current_dir(module()), |_| {})?;
    ensure!(status.success(), "the agent tests of {package} do not build with Nomad {version}:\n{said}");
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_whole_names_level_by_level() {
        assert_eq!(pattern(&[&["TestA", "TestB"]]), "^(TestA|TestB)$");
        assert_eq!(
            pattern(&[&["TestA"], &["agent", "agent politely"]]),
            "^(TestA)$/^(agent|agent_politely)$"
        );
    }
}
