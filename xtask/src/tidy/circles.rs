//! The imports between the files of a crate: none goes in a circle, and in the crates that have folders each goes along
//! an arrow of the table.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::modules::{Modules, Path};
use super::sources;

/// The folders of a crate, each with those that it may import from.
type Folders = &'static [(&'static str, &'static [&'static str])];

/// The crates whose folders are held, the uppermost folder first.
const FOLDERS: [(&str, Folders); 2] = [
    (
        "crates/driver-core",
        &[
            (
                "driver",
                &[
                    "gc", "recovery", "exec", "start", "running", "node", "error", "refusal", "ports",
                    "request",
                ],
            ),
            ("gc", &["running", "node", "error", "ports", "request"]),
            ("recovery", &["exec", "running", "node", "error", "ports", "request"]),
            ("exec", &["running", "node", "error", "ports", "request"]),
            ("start", &["admission", "running", "node", "error", "refusal", "ports", "request"]),
            ("admission", &["node", "error", "refusal", "request"]),
            ("running", &["node", "error", "ports", "request"]),
            ("node", &["error", "ports", "request"]),
            ("error", &["refusal", "ports", "request"]),
            ("ports", &["request"]),
            ("fuzz", &["admission", "node", "refusal", "request"]),
        ],
    ),
    (
        "crates/containerd-backend",
        &[
            ("backend", &["events", "health", "images", "grpc"]),
            ("containers", &["backend", "objects", "health"]),
            ("execs", &["backend", "objects", "grpc"]),
            ("images", &["objects", "health", "grpc"]),
            ("objects", &["quirks", "health", "grpc"]),
            ("quirks", &["health", "grpc"]),
            ("events", &["grpc"]),
            ("health", &["grpc"]),
            ("fuzz", &["images"]),
        ],
    ),
];

/// Looks through every crate.
///
/// # Errors
/// A file cannot be read or is no Rust.
pub(crate) fn check() -> Result<Vec<String>> {
    let files = sources::all()?;
    let crates: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.split_once("/src/").map(|(krate, _)| krate))
        .filter(|krate| !krate.starts_with("tests"))
        .collect();
    let mut found = Vec::new();
    for krate in crates {
        let modules = Modules::read(&format!("{krate}/src/"), &files)?;
        let imports = modules.imports();
        found.extend(circles(&imports).iter().map(|circle| told(&modules, circle)));
        if let Some((_, folders)) = FOLDERS.iter().find(|(name, _)| *name == krate) {
            found.extend(turned(krate, folders, &imports));
        }
    }
    Ok(found)
}

/// The modules that reach each other, each group once.
fn circles(imports: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<BTreeSet<Path>> {
    let reached = |from: &Path| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(next) = open.pop() {
            open.extend(imports.get(next).into_iter().flatten().filter(|into| seen.insert((*into).clone())));
        }
        seen
    };
    let reaches: BTreeMap<&Path, BTreeSet<Path>> = imports.keys().map(|from| (from, reached(from))).collect();
    let groups = reaches.iter().filter(|(from, into)| into.contains(**from)).map(|(from, into)| {
        into.iter()
            .filter(|other| reaches.get(other).is_some_and(|back| back.contains(*from)))
            .cloned()
            .collect()
    });
    groups.collect::<BTreeSet<BTreeSet<Path>>>().into_iter().collect()
}

fn told(modules: &Modules, circle: &BTreeSet<Path>) -> String {
    let files: Vec<&str> = circle.iter().map(|module| modules.file(module)).collect();
    format!("{} import from each other in a circle", files.join(", "))
}

/// The imports between folders that no arrow has. A file in the crate's root is a folder of its own.
fn turned(krate: &str, folders: Folders, imports: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (from, into) in imports {
        let Some(from) = from.first() else { continue };
        for into in into.iter().filter_map(|into| into.first()).filter(|into| *into != from) {
            let allowed =
                folders.iter().find(|(name, _)| name == from).map_or(&[][..], |(_, allowed)| allowed);
            if !allowed.contains(&into.as_str()) {
                let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                found.insert(format!("{krate}: {from} imports from {into}; it may import from {allowed}"));
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::sources::Source;
    use super::*;

    fn modules(files: &[(&str, &str)]) -> Modules {
        let source =
            |(path, text): &(&str, &str)| Source { path: format!("src/{path}"), text: (*text).to_owned() };
        Modules::read("src/", &files.iter().map(source).collect::<Vec<_>>()).unwrap()
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let modules = modules(files);
        circles(&modules.imports()).iter().map(|circle| told(&modules, circle)).collect()
    }

    #[test]
    fn files_that_import_from_each_other_are_named() {
        let circle = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::{self, C};"),
            ("c.rs", "fn f() { super::a::run() }"),
        ];
        assert_eq!(found(&circle), ["src/a.rs, src/b.rs, src/c.rs import from each other in a circle"]);
        assert_eq!(found(&circle[..3]), Vec::<String>::new());
    }

    #[test]
    fn a_name_is_from_where_it_is_made_and_not_from_where_it_is_given_on() {
        let facade = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; mod c; pub(crate) use b::B;"),
            ("a/b.rs", "pub(crate) struct B;"),
            ("a/c.rs", "use super::B;"),
        ];
        assert_eq!(found(&facade), Vec::<String>::new());
        let [root, folder, b, _] = facade;
        let back =
            [root, folder, ("a/b.rs", "use super::c::C; pub(crate) struct B;"), ("a/c.rs", "use super::B;")];
        assert_eq!(found(&back), ["src/a/b.rs, src/a/c.rs import from each other in a circle"]);
        assert!(!b.1.is_empty());
    }

    #[test]
    fn what_only_tests_import_counts_nothing() {
        let files = [
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod testing;"),
            ("a.rs", "use crate::b::B; #[cfg(test)] mod tests { use super::*; }"),
            ("b.rs", "#[cfg(test)] use crate::a::A;"),
            ("testing.rs", "use crate::a::A;"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn an_import_against_the_arrows_is_told_with_what_is_allowed() {
        let files = [("lib.rs", "mod a; mod b;"), ("a/x.rs", "use crate::b::B;"), ("b/mod.rs", "struct B;")];
        let imports = modules(&files).imports();
        assert_eq!(turned("k", &[("a", &["b"]), ("b", &[])], &imports), Vec::<String>::new());
        assert_eq!(
            turned("k", &[("a", &["c"]), ("b", &[])], &imports),
            ["k: a imports from b; it may import from c"]
        );
    }
}
