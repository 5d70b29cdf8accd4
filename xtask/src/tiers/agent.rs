//! HashiCorp's own client and a real agent, in a Go module of tests, hold the release binary to what Nomad expects.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Outcome, Plan, daemon, go_test};
use crate::{place, process, screen};

/// Where Go's own archive is unpacked when PATH does not name it.
const GO: &str = "/usr/local/go/bin/go";

/// The test binaries: package, and the name that it must have. An agent starts itself again as its log collector,
/// which it can only under the name `nomad`.
const SUITES: [(&str, &str); 2] = [("./driver", "driver"), (".", "nomad")];

/// Builds and runs them.
///
/// # Errors
/// Go is missing, or something else that they need.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    let go = go()?;
    let dir = place::cache("agent")?;
    for (package, name) in SUITES {
        if let Err(error) = build(&go, package, &dir.join(name)) {
            return Ok(Outcome::failed(&error));
        }
    }
    daemon::run(plan, |prepare| {
        let mut together = Outcome::Ran { passed: 0, failures: Vec::new(), ignored: 0 };
        for (_, name) in SUITES {
            let mut command = Command::new(dir.join(name));
            command.arg("-test.v").current_dir(module());
            prepare(&mut command);
            together = together.and(go_test::run(plan, &mut command)?);
        }
        Ok(together)
    })
}

fn go() -> Result<PathBuf> {
    let found = place::program("go").or_else(|| Some(PathBuf::from(GO)).filter(|go| go.is_file()));
    found.context("there is no Go toolchain on this host; the tests under a real agent are built with go (1.24 or later)")
}

fn module() -> PathBuf {
    place::workspace().join("tests/agent")
}

/// The first build takes minutes, as it compiles an agent; Go keeps what it has built.
fn build(go: &Path, package: &str, binary: &Path) -> Result<()> {
    screen::say(&format!("building the agent tests of {package} (minutes, when it is the first time)"));
    let mut command = Command::new(go);
    command.args(["test", "-c", "-o"]).arg(binary).arg(package).current_dir(module());
    let mut said = String::new();
    let status = process::stream(&mut command, |line| {
        said.push_str(line);
        said.push('\n');
    })?;
    ensure!(status.success(), "the agent tests of {package} do not build:\n{said}");
    Ok(())
}
