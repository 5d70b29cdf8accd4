//! The end-to-end tests on cgroup v2, in an emulated machine: once with the tree delegated to us as a whole, once on a
//! kernel that lacks controllers, and once with systemd as the tree's owner.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::daemon::{self, Tools};
use super::{Outcome, Plan, cargo_test, driver};
use crate::containerd::Private;
use crate::guest::{self, Disks, Init, Item, Payload, Suite};
use crate::{environment, images, packages, place, process, screen};

/// The test binaries that go into the guest.
const BINARIES: [&str; 2] = ["e2e", "run"];

/// What runs where the tree is ours: the modules that cgroups have a part in. One container costs eight times what it
/// costs outside, so the whole suite would take longer than a tier may.
const OURS: [(&str, &[&str]); 2] = [
    (
        "e2e",
        &[
            "baseline::a_plain_task",
            "limits::", // and options_limits
            "exits::",
            "observe::",
            "usage::",
            "events::a_childs_death",
            "events::an_exit_with_137",
            "events::the_first_processs_death",
            "processes::",
            // A cgroup's name is made from theirs.
            "resolver::a_long_name",
            "resolver::odd_names",
            "predecessor::a_task_of_the_go_driver",
            "stop::",
            "recovery::",
            "recovery_edges::",
            "outage::",
            "destroy::",
            "isolation::the_task_sees_its_real_cgroup",
            // They die at every single call, which takes minutes here.
            "--skip",
            "kills::",
        ],
    ),
    // What options do here the first suite tells.
    ("run", &["--skip", "good::the_examples_of_options"]),
];

/// What runs where controllers are missing.
const LACKING: [(&str, &[&str]); 1] = [("e2e", &["--include-ignored", "controllers::"])];

/// What runs under systemd: its own module, and one test for each thing that a cgroup is for.
const UNDER_SYSTEMD: [(&str, &[&str]); 1] = [(
    "e2e",
    &[
        "--include-ignored",
        "systemd::",
        "limits::",
        "exits::a_child_that_exceeds_the_memory",
        "observe::a_busy_task",
        "stop::processes_that_the_task_put_aside",
        "recovery::a_recovered_task_takes_every_call",
        "recovery::an_oom_while_no_plugin_ran",
        "outage::a_deaf_task",
    ],
)];

/// An emulated machine beside other work on two cores is that much slower than a host.
const PATIENCE: &str = "5";

/// Longer than any run by hand.
const BY_HAND: Duration = Duration::from_secs(24 * 3600);

/// Runs the machines, one after the other.
///
/// # Errors
/// Something that they need is missing.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    let disks = plan.build(guest::make)?;
    let items = match plan.build(items) {
        Ok(items) => items,
        Err(error) => return Ok(Outcome::failed(&error)),
    };
    let mut together = Outcome::nothing();
    for (init, suites) in
        [(Init::Script, &OURS[..]), (Init::Lacking, &LACKING), (Init::Systemd, &UNDER_SYSTEMD)]
    {
        together = together.and(boot(&disks, &items, init, &named(suites), plan.deadline())?);
    }
    Ok(together)
}

/// Runs the end-to-end tests whose names contain one of the texts, ignored ones too; the number is the exit code.
///
/// # Errors
/// Something that they need is missing or does not build.
pub(crate) fn by_hand(init: Init, texts: &[String]) -> Result<u8> {
    let args = texts.iter().cloned().chain(["--include-ignored".to_owned()]).collect();
    let suite = Suite { program: "e2e".to_owned(), args };
    let outcome = boot(&guest::make()?, &items()?, init, &[suite], Instant::now() + BY_HAND)?;
    match outcome {
        Outcome::Ran { passed, failures, .. } => {
            failures.iter().for_each(|line| screen::say(&format!("failed: {line}")));
            screen::print(&format!("{passed} passed, {} failed", failures.len()));
            Ok(u8::from(!failures.is_empty()))
        }
        Outcome::CouldNotRun(why) => anyhow::bail!(why),
    }
}

fn named(suites: &[(&str, &[&str])]) -> Vec<Suite> {
    let args = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
    suites
        .iter()
        .map(|(program, words)| Suite { program: (*program).to_owned(), args: args(words) })
        .collect()
}

fn boot(disks: &Disks, items: &[Item], init: Init, suites: &[Suite], deadline: Instant) -> Result<Outcome> {
    let payload = Payload::write(items, suites)?;
    guest::run(disks, &payload, init, deadline)
}

/// Everything that goes into the guest, built.
fn items() -> Result<Vec<Item>> {
    let mut items = vec![
        Item { name: "xtask", from: std::env::current_exe().context("this program has no path")? },
        Item { name: "images", from: images::make()? },
        Item { name: "docker-registry", from: packages::registry()? },
        Item { name: "examples", from: place::workspace().join("examples") },
        Item { name: "containerd-driver", from: driver()? },
    ];
    let built = build()?;
    for name in BINARIES {
        let found = built.iter().find(|(target, _)| target == name);
        let (_, from) = found.with_context(|| format!("cargo built no test binary {name}"))?;
        items.push(Item { name, from: from.clone() });
    }
    Ok(items)
}

/// Builds the end-to-end tests; gives target and file of each.
fn build() -> Result<Vec<(String, PathBuf)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--package", "e2e", "--no-run", "--message-format=json-render-diagnostics"]);
    command.current_dir(place::workspace());
    let mut built = Vec::new();
    let status = process::stream(&mut command, |line| match serde_json::from_str(line) {
        Ok(message) => built.extend(test_binary(&message)),
        Err(_) => screen::say(line),
    })?;
    ensure!(status.success(), "the end-to-end tests do not build ({})", process::ending(status));
    Ok(built)
}

/// Target and file of a test binary, out of one of cargo's messages.
fn test_binary(message: &serde_json::Value) -> Option<(String, PathBuf)> {
    let target = message.get("target")?;
    let is_test = target.get("kind")?.as_array()?.iter().any(|kind| kind == "test");
    let file = message.get("executable")?.as_str()?;
    is_test.then_some((target.get("name")?.as_str()?.to_owned(), PathBuf::from(file)))
}

/// Within the guest: runs the suites of its second disk on a private containerd and tells the outcome.
///
/// # Errors
/// This is no guest, or the outcome can not be told.
pub(crate) fn inside() -> Result<u8> {
    let suites = guest::suites()?;
    let plan = Plan::new(None, false, BY_HAND);
    let outcome = tests(&plan, &suites).unwrap_or_else(|error| Outcome::failed(&error));
    screen::print(&guest::told(&outcome)?);
    Ok(0)
}

fn tests(plan: &Plan, suites: &[Suite]) -> Result<Outcome> {
    examples()?;
    let tools = Tools {
        images: guest::item("images"),
        registry: guest::item("docker-registry"),
        driver: guest::item("containerd-driver"),
    };
    daemon::on(plan, &tools, Private::installed, |prepare| {
        let mut together = Outcome::nothing();
        for Suite { program, args } in suites {
            let mut command = Command::new(guest::item(program));
            prepare(command.args(args).env(environment::TEST_PATIENCE, PATIENCE));
            together = together.and(cargo_test::counted(plan, &mut command)?);
        }
        Ok(together)
    })
}

/// The tests find the examples where they were built.
fn examples() -> Result<()> {
    let link = |workspace: &Path| {
        std::fs::create_dir_all(workspace.join("tests"))?;
        std::os::unix::fs::symlink(guest::item("examples"), workspace.join("examples"))
    };
    link(place::workspace()).context("can not put the examples in their place")
}

#[cfg(test)]
mod tests {
    use super::super::filters;
    use super::*;

    #[test]
    fn every_text_chooses_a_test() {
        for (program, texts) in OURS.iter().chain(&LACKING).chain(&UNDER_SYSTEMD) {
            assert!(BINARIES.contains(program), "{program}");
            filters::choose_tests(program, texts);
        }
    }

    #[test]
    fn test_binaries_are_told_from_libraries_and_their_own_tests() {
        let message = |kind: &str, executable: &str| {
            let text = format!(
                r#"{{"reason":"compiler-artifact","target":{{"kind":["{kind}"],"name":"e2e"}},"executable":{executable}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let found = test_binary(&message("test", r#""/t/e2e-1""#));
        assert_eq!(found, Some(("e2e".to_owned(), PathBuf::from("/t/e2e-1"))));
        assert_eq!(test_binary(&message("lib", r#""/t/e2e-2""#)), None);
        assert_eq!(test_binary(&message("test", "null")), None);
        assert_eq!(test_binary(&serde_json::json!({"reason": "build-finished"})), None);
    }
}
