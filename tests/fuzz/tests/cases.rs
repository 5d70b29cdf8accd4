//! What the fuzz targets found once, and their seeds, held without the engine.
//!
//! `FUZZ_CASE=FILE cargo test -p fuzz NAME` runs one input more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use fuzz::target::{self, TARGETS, Target};

fn cases() -> PathBuf {
    target::workspace().join("tests/fuzz/cases")
}

/// Feeds a target with everything that it is known to take or to have failed at.
fn hold(name: &str) {
    let Target { run, seeds, longest, .. } = target::named(name).unwrap();
    let mut inputs = target::files(&cases().join(name));
    if let Some(path) = std::env::var_os("FUZZ_CASE").map(PathBuf::from) {
        inputs.push((path.clone(), std::fs::read(path).unwrap()));
    }
    for (path, bytes) in inputs {
        if catch_unwind(AssertUnwindSafe(|| run(&bytes))).is_err() {
            panic!("{} does not hold", path.display());
        }
    }
    let seeds = seeds();
    assert!(seeds.iter().all(|seed| seed.len() <= *longest), "a seed is longer than {longest} bytes");
    assert!(seeds.iter().any(|seed| run(seed)), "not even the valid seeds are taken");
    assert!(!run(b"\xc1\xff?"), "everything is taken");
}

macro_rules! held {
    ($($test:ident $name:literal)*) => {
        const HELD: &[&str] = &[$($name),*];
        $(#[test]
        fn $test() {
            hold($name);
        })*
    };
}

held! {
    task "task"
    plugin "plugin"
    value "value"
    schema "schema"
    type_ "type"
    request "request"
    state "state"
    go_state "go-state"
    output "output"
    numbers "numbers"
    reference "reference"
    document "document"
    configuration "configuration"
    archive "archive"
    seccomp "seccomp"
    users "users"
    resolv "resolv"
    hosts "hosts"
    cdi "cdi"
    mounts "mounts"
    stats "stats"
    id_list "id-list"
    job "job"
    template "template"
}

#[test]
fn every_target_is_held_and_cases_and_words_are_of_a_target() {
    let held: BTreeSet<&str> = HELD.iter().copied().collect();
    assert_eq!(held, TARGETS.iter().map(|target| target.name).collect());
    for entry in
        [cases(), cases().with_file_name("words")].iter().flat_map(|dir| std::fs::read_dir(dir).unwrap())
    {
        let path = entry.unwrap().path();
        assert!(
            path.file_name().is_some_and(|name| held.contains(name.to_str().unwrap())),
            "{path:?} is of no target"
        );
    }
}
