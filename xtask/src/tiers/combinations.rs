//! Which versions of Nomad and containerd are tested together, how far, and by which tier. README shows this table.

use std::process::Command;

use anyhow::{Context, Error, Result};

use super::agent::{self, Cases, Nomad};
use super::{Outcome, Plan, daemon, e2e};
use crate::screen;

/// Versions that are tested together.
struct Combination {
    /// The tier that tests them.
    tier: &'static str,
    /// None where the Rust tests alone run.
    nomad: Option<Nomad>,
    /// As `--version` of `with-containerd` takes it.
    containerd: &'static str,
    parts: &'static [Part],
}

/// What is tested of a combination.
#[derive(Clone, Copy)]
enum Part {
    /// All of the Rust tests.
    EndToEnd,
    /// Those of them that are about exits, outages, recovery and containerd's own spec.
    Exits,
    /// The driver alone under HashiCorp's own client.
    Client,
    /// Everything under an agent.
    Agent,
    /// One agent, restarted under running tasks.
    Short,
    /// That, and outages of agent, plugin and containerd, each alone and each two of them.
    Outages,
    /// Agent, plugin and containerd killed at random moments under twenty tasks.
    Chaos,
}

/// The tests of a part.
enum Tests {
    Rust(Suites),
    Go(Cases),
}

/// Runs suites; the function prepares a command for them.
type Suites = fn(&Plan, &dyn Fn(&mut Command)) -> Result<Outcome>;

const NEWEST: Nomad = Nomad { version: "1.11.3", module: "go.mod" };
const BEFORE: Nomad = Nomad { version: "1.10.5", module: "versions/nomad-1.10.mod" };
const OLDEST: Nomad = Nomad { version: "1.9.5", module: "versions/nomad-1.9.mod" };

const TABLE: [Combination; 8] = {
    use Part::{Agent, Chaos, Client, EndToEnd, Exits, Outages, Short};
    const fn row(
        tier: &'static str,
        nomad: Option<Nomad>,
        containerd: &'static str,
        parts: &'static [Part],
    ) -> Combination {
        Combination { tier, nomad, containerd, parts }
    }
    [
        row("e2e", None, "host", &[EndToEnd]),
        row("agent", Some(NEWEST), "host", &[Client, Agent]),
        row("chaos", Some(NEWEST), "host", &[Chaos]),
        row("versions", Some(BEFORE), "host", &[Short]),
        row("versions", Some(OLDEST), "host", &[Client]),
        row("versions", Some(NEWEST), "2.1", &[Exits, Outages]),
        row("versions", Some(NEWEST), "1.7", &[Exits, Outages]),
        row("versions", Some(NEWEST), "1.4", &[Exits, Outages]),
    ]
};

/// The test that makes rounds.
const CHAOS: &str = "TestChaos";

/// The tests of outages; the short run is two cases of the first one.
const OUTAGES: &[&str] = &["TestOutages", "TestOutagesOfTwo"];
const SHORT: &[&[&str]] = &[&["TestOutages"], &["agent", "agent politely"]];

const fn agent_cases(only: &'static [&'static [&'static str]]) -> Cases {
    Cases { package: ".", only, without: None }
}

/// Tests every combination of a tier, one after the other.
///
/// # Errors
/// Something that they need is missing.
pub(crate) fn run(plan: &Plan, tier: &str) -> Result<Outcome> {
    let chosen: Vec<&Combination> = TABLE.iter().filter(|combination| combination.tier == tier).collect();
    if chosen.iter().any(|combination| combination.nomad.is_some()) {
        agent::go()?;
    }
    let mut together = Outcome::nothing();
    for combination in chosen {
        let name = combination.name();
        screen::say(&format!("-- {name}"));
        let outcome = combination.run(plan).with_context(|| format!("can not test {name}"))?;
        together = together.and(outcome.of(&name));
    }
    Ok(together)
}

impl Combination {
    fn run(&self, plan: &Plan) -> Result<Outcome> {
        let version = self.containerd.parse().map_err(Error::msg)?;
        daemon::run(plan, version, |prepare| {
            let mut together = Outcome::nothing();
            for part in self.parts {
                together = together.and(self.part(*part, plan, prepare)?);
            }
            Ok(together)
        })
    }

    fn part(&self, part: Part, plan: &Plan, prepare: &dyn Fn(&mut Command)) -> Result<Outcome> {
        match part.tests() {
            Tests::Rust(run) => run(plan, prepare),
            Tests::Go(cases) => {
                let nomad = self.nomad.context("the combination names no Nomad")?;
                agent::run(plan, nomad, cases, prepare)
            }
        }
    }

    fn name(&self) -> String {
        let nomad = self.nomad.map(|nomad| format!("Nomad {} over ", nomad.version));
        format!("{}containerd ({})", nomad.unwrap_or_default(), self.containerd)
    }

    #[cfg(test)]
    fn drawn(&self) -> String {
        let nomad = self.nomad.map_or("–", |nomad| nomad.version);
        let said: Vec<&str> = self.parts.iter().copied().map(Part::said).collect();
        let containerd =
            if self.containerd == "host" { "the host's (1.6 on Debian 12)" } else { self.containerd };
        format!("| {nomad} | {containerd} | {} | `{}` |\n", said.join("; "), self.tier)
    }
}

impl Part {
    fn tests(self) -> Tests {
        Tests::Go(match self {
            Self::EndToEnd => return Tests::Rust(e2e::all),
            Self::Exits => return Tests::Rust(e2e::exits),
            Self::Client => Cases { package: "./driver", only: &[], without: None },
            Self::Agent => Cases { package: ".", only: &[], without: Some(CHAOS) },
            Self::Short => agent_cases(SHORT),
            Self::Outages => agent_cases(&[OUTAGES]),
            Self::Chaos => agent_cases(&[&[CHAOS]]),
        })
    }

    #[cfg(test)]
    fn said(self) -> &'static str {
        match self {
            Self::Chaos => "agent, plugin and containerd killed at random moments under twenty tasks",
            Self::EndToEnd => "all end-to-end tests",
            Self::Exits => "the end-to-end tests of exits, outages, recovery and the baseline spec",
            Self::Client => "the driver alone under HashiCorp's own client",
            Self::Agent => "everything under an agent",
            Self::Short => "an agent's short run: start, logs, exec, restart of the agent, stop",
            Self::Outages => {
                "an agent's short run; agent, plugin and containerd killed, each alone and every two"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filters;
    use super::*;
    use crate::containerd::Version;
    use crate::place;

    #[test]
    fn the_readme_shows_the_combinations() {
        let head = "| Nomad | containerd | tested | tier |\n|---|---|---|---|\n".to_owned();
        let table = head + &TABLE.iter().map(Combination::drawn).collect::<String>();
        let readme = std::fs::read_to_string(place::workspace().join("README.md")).unwrap();
        let shown = readme.split_once("<!-- combinations: held by a test -->\n\n").unwrap().1;
        let shown = shown.split_once("\n<!-- end of combinations -->").unwrap().0;
        assert_eq!(shown, table, "README.md should show:\n{table}");
    }

    #[test]
    fn every_combination_can_be_had() {
        let tiers = super::super::TIERS.map(|tier| tier.name);
        for combination in &TABLE {
            assert!(combination.containerd.parse::<Version>().is_ok(), "{}", combination.containerd);
            assert!(tiers.contains(&combination.tier), "{}", combination.tier);
            let Some(nomad) = combination.nomad else { continue };
            let module = std::fs::read_to_string(agent::module().join(nomad.module)).unwrap();
            let wanted = format!("\tgithub.com/hashicorp/nomad v{}\n", nomad.version);
            assert!(module.contains(&wanted), "{} does not require {wanted}", nomad.module);
        }
    }

    #[test]
    fn every_name_of_a_part_is_one_of_the_go_module() {
        for part in TABLE.iter().flat_map(|combination| combination.parts) {
            if let Tests::Go(cases) = part.tests() {
                let tests = cases.only.first().copied().unwrap_or_default();
                let inner = cases.only.iter().skip(1).copied().flatten();
                filters::are_go_tests(cases.package, tests.iter().chain(&cases.without), inner);
            }
        }
    }
}
