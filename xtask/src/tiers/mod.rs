//! The tiers of the tests: a table, one file per tier, and one closing line over all.

mod agent;
mod cargo_test;
pub(crate) mod cgroup2;
mod combinations;
mod counting;
mod daemon;
mod e2e;
#[cfg(test)]
mod filters;
mod fuzz;
mod go_test;
mod plan;
pub(crate) mod table;
mod tidy;
mod unit;
pub(crate) mod watch;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{demo, screen, setup, signals};

pub(crate) use plan::Plan;
pub(crate) use table::{Outcome, Report};

/// One tier.
struct Tier {
    name: &'static str,
    /// How long it may take on two cores; more is a failure. What cargo compiles of tests is included, the driver and
    /// the tests in Go are not.
    budget: Duration,
    run: fn(&Plan) -> Result<Outcome>,
    /// Runs when no tier is named; the others run when they are.
    always: bool,
}

/// The tiers in the order of their running.
const TIERS: [Tier; 8] = [
    Tier { name: "tidy", budget: minutes(4), run: tidy::run, always: true },
    Tier { name: "unit", budget: minutes(8), run: unit::run, always: true },
    Tier { name: "fuzz", budget: minutes(3), run: fuzz::run, always: true },
    Tier { name: "e2e", budget: minutes(17), run: |plan| combinations::run(plan, "e2e"), always: true },
    // Cases take 2.5 minutes on quiet cores; the rest is for slower hosts.
    Tier { name: "agent", budget: minutes(12), run: |plan| combinations::run(plan, "agent"), always: true },
    Tier { name: "chaos", budget: minutes(4), run: |plan| combinations::run(plan, "chaos"), always: true },
    Tier {
        name: "versions",
        budget: minutes(40),
        run: |plan| combinations::run(plan, "versions"),
        always: false,
    },
    Tier { name: "cgroup2", budget: minutes(10), run: cgroup2::run, always: false },
];

/// The budget of one round, where more are asked for than a tier's own budget allows.
const ROUND: Duration = minutes(3);

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Runs the tiers that were asked for, or all that always run; the number is the exit code.
///
/// # Errors
/// A name is of no tier.
pub(crate) fn run(wanted: &[String], rounds: Option<u32>, long: bool) -> Result<u8> {
    let chosen = choose(wanted)?;
    let strict = std::env::var("CI").is_ok_and(|value| value == "true");
    // A tier that needs what could not be installed says so itself.
    let prepared = setup::programs();
    if let Err(error) = &prepared {
        screen::error(error);
    }
    let mut reports = Vec::new();
    for tier in chosen {
        screen::say(&format!("== {}", tier.name));
        let begun = Instant::now();
        let budget = tier.budget.max(ROUND * rounds.unwrap_or_default());
        let plan = Plan::new(rounds, long, budget * 2);
        let outcome = (tier.run)(&plan).unwrap_or_else(|error| Outcome::could_not_run(&error));
        let built = plan.built();
        let time = begun.elapsed().saturating_sub(built);
        let report = Report { name: tier.name, outcome, time, built, budget };
        report.told(strict).iter().for_each(|line| screen::print(line));
        reports.push(report);
        if signals::received().is_some() {
            break;
        }
    }
    screen::print(&table::drawn(&reports));
    let (passed, failed) = table::sum(&reports, strict);
    screen::print(&format!("{passed} passed, {failed} failed"));
    if let Some(signal) = signals::received() {
        screen::warn(&format!("interrupted by {}", signals::name(signal)));
        return Ok(signals::exit_code(signal));
    }
    // A run in which nothing ran is no success either.
    Ok(u8::from(failed > 0 || passed == 0))
}

fn choose(wanted: &[String]) -> Result<Vec<&'static Tier>> {
    if wanted.is_empty() {
        return Ok(TIERS.iter().filter(|tier| tier.always).collect());
    }
    let names: Vec<&str> = TIERS.iter().map(|tier| tier.name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("there is no tier {unknown:?}; the tiers are {}", names.join(", "));
    }
    Ok(TIERS.iter().filter(|tier| wanted.iter().any(|name| name == tier.name)).collect())
}

/// The driver's release binary, for the tiers that drive it.
///
/// # Errors
/// It does not build.
pub(crate) fn driver() -> Result<std::path::PathBuf> {
    demo::build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &[&str]) -> Vec<&'static str> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        choose(&wanted).unwrap().iter().map(|tier| tier.name).collect()
    }

    #[test]
    fn tiers_run_in_their_own_order_whatever_was_asked_first() {
        assert_eq!(names(&["unit", "tidy"]), ["tidy", "unit"]);
        assert_eq!(names(&[]), ["tidy", "unit", "fuzz", "e2e", "agent", "chaos"]);
        assert_eq!(names(&["versions"]), ["versions"]);
    }

    #[test]
    fn the_architecture_tells_every_budget() {
        let text = std::fs::read_to_string(crate::place::workspace().join("ARCHITECTURE.md")).unwrap();
        for Tier { name, budget, .. } in &TIERS {
            let row = format!("\n| `{name}` | {} min | ", budget.as_secs() / 60);
            assert!(text.contains(&row), "ARCHITECTURE.md has no row that begins with {row}");
        }
    }

    #[test]
    fn an_unknown_tier_is_answered_with_those_that_exist() {
        let refused = choose(&["units".to_owned()]).err().unwrap().to_string();
        assert_eq!(
            refused,
            "there is no tier \"units\"; the tiers are tidy, unit, fuzz, e2e, agent, chaos, versions, cgroup2"
        );
    }
}
