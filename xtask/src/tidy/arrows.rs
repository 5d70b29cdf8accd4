//! The arrows between the crates: which room may depend on which, and which libraries it must not know.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// A room, the rooms that it may depend on, and the libraries that it must never know.
struct Room {
    name: &'static str,
    rooms: &'static [&'static str],
    never: &'static [&'static str],
}

const WIRE: &[&str] = &["tonic", "tonic-prost", "prost", "prost-types", "rmpv", "hyper-util", "tower"];

/// The table of the house; a crate that is not in it is an error.
const ROOMS: [Room; 13] = [
    Room {
        name: "oci-builder",
        rooms: &[],
        never: &["tokio", "tonic", "prost", "rustix", "libc", "containerd-client", "tracing"],
    },
    Room { name: "linux-host", rooms: &[], never: &["tonic", "prost", "containerd-client", "oci-spec"] },
    Room { name: "nomad-proto", rooms: &[], never: &["tokio", "containerd-client", "oci-spec", "rustix"] },
    Room { name: "driver-core", rooms: &["oci-builder", "linux-host"], never: WIRE },
    Room {
        name: "containerd-backend",
        rooms: &["driver-core", "linux-host", "oci-builder"],
        never: &["rmpv", "hcl-rs"],
    },
    Room { name: "group-network", rooms: &["linux-host"], never: WIRE },
    Room {
        name: "nomad-plugin",
        rooms: &["driver-core", "linux-host", "nomad-proto"],
        never: &["containerd-client", "oci-spec", "reqwest", "hcl-rs"],
    },
    Room {
        name: "nomad-host",
        rooms: &["nomad-proto", "linux-host", "group-network"],
        never: &["containerd-client", "oci-spec", "reqwest", "hcl-rs"],
    },
    Room {
        name: "job-runner",
        rooms: &["nomad-host", "nomad-proto", "linux-host"],
        never: &["containerd-client", "oci-spec", "tonic", "prost"],
    },
    Room {
        name: "containerd-driver",
        rooms: &[
            "oci-builder",
            "driver-core",
            "containerd-backend",
            "group-network",
            "linux-host",
            "nomad-plugin",
            "nomad-host",
            "nomad-proto",
            "job-runner",
        ],
        never: &["containerd-client", "reqwest", "tonic", "prost", "hcl-rs"],
    },
    Room {
        name: "e2e",
        rooms: &["nomad-host", "nomad-proto", "linux-host"],
        never: &["containerd-client", "tonic"],
    },
    Room {
        name: "fuzz",
        rooms: &[
            "oci-builder",
            "driver-core",
            "containerd-backend",
            "linux-host",
            "nomad-plugin",
            "nomad-host",
            "nomad-proto",
            "job-runner",
        ],
        never: &["containerd-client", "tokio", "tonic", "oci-client", "hcl-rs"],
    },
    Room { name: "xtask", rooms: &[], never: &["tokio", "tonic", "prost", "containerd-client"] },
];

/// Where a chain of mere contexts may stand in for typed errors.
const ANYHOW: [&str; 2] = ["xtask", "containerd-driver"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `null` for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// Holds `cargo metadata` against the table.
///
/// # Errors
/// The metadata can not be read.
pub(crate) fn check() -> Result<Vec<String>> {
    let mut command = super::cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let said = process::output(&mut command)?;
    let metadata: Metadata = serde_json::from_slice(&said).context("cargo's metadata is not as expected")?;
    Ok(turned(&metadata.packages))
}

/// The arrows that turn. What only tests use is free.
fn turned(packages: &[Package]) -> Vec<String> {
    let table: BTreeMap<&str, &Room> = ROOMS.iter().map(|room| (room.name, room)).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        let Some(room) = table.get(name) else {
            found.push(format!("{name} is not in the table of rooms; say there what it may depend on"));
            continue;
        };
        let used = package.dependencies.iter().filter(|used| used.kind.as_deref() != Some("dev"));
        for used in used.map(|used| used.name.as_str()) {
            let own = table.contains_key(used) || packages.iter().any(|package| package.name == used);
            if own && !room.rooms.contains(&used) {
                let allowed =
                    if room.rooms.is_empty() { "no room".to_owned() } else { room.rooms.join(", ") };
                found.push(format!("{name} depends on {used}; it may depend on {allowed}"));
            }
            if room.never.contains(&used) {
                found.push(format!("{name} depends on {used}, which is not its business"));
            }
            if used == "anyhow" && !ANYHOW.contains(&name) {
                found.push(format!("{name} depends on anyhow; its errors are enums of its own"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn package(name: &str, used: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).into(),
            kind: kind.map(Into::into),
        };
        Package { name: name.to_owned(), dependencies: used.iter().map(dependency).collect() }
    }

    #[test]
    fn arrows_that_turn_are_told_with_what_is_allowed() {
        let packages = [
            package(
                "driver-core",
                &[("oci-builder", None), ("nomad-plugin", None), ("tonic", Some("build"))],
            ),
            package("oci-builder", &[("anyhow", None), ("tokio", None)]),
            package("a-new-room", &[]),
        ];
        expect![[r#"
            driver-core depends on nomad-plugin; it may depend on oci-builder, linux-host
            driver-core depends on tonic, which is not its business
            oci-builder depends on anyhow; its errors are enums of its own
            oci-builder depends on tokio, which is not its business
            a-new-room is not in the table of rooms; say there what it may depend on"#]]
        .assert_eq(&turned(&packages).join("\n"));
    }

    #[test]
    fn what_only_tests_use_is_free() {
        assert_eq!(turned(&[package("oci-builder", &[("tokio", Some("dev"))])]), Vec::<String>::new());
    }

    #[test]
    fn the_table_itself_has_no_circle() {
        let table: BTreeMap<&str, &Room> = ROOMS.iter().map(|room| (room.name, room)).collect();
        for room in &ROOMS {
            let mut open: Vec<&str> = room.rooms.to_vec();
            let mut seen: Vec<&str> = Vec::new();
            while let Some(next) = open.pop() {
                assert_ne!(next, room.name, "{} reaches itself", room.name);
                if !seen.contains(&next) {
                    seen.push(next);
                    open.extend(table.get(next).unwrap().rooms);
                }
            }
        }
    }
}
