//! Runs that have died are found by the lock that they held.
//!
//! No test of this program starts a process: one that is being forked has the locks of all others until it is executed.

#![expect(clippy::unwrap_used, reason = "test code reports by panicking")]

use std::collections::BTreeMap;

use nomad_host::plugin::PluginOptions;
use nomad_host::state::{CleanUpFault, RunDir, StateDir, clean_up};

fn begin(state: &StateDir, alloc_id: &str) -> RunDir {
    state.begin(alloc_id, &state.node_id(), &BTreeMap::new()).unwrap()
}

fn dead(state: &StateDir) -> Vec<RunDir> {
    state.dead().unwrap().into_iter().map(Result::unwrap).collect()
}

#[test]
fn a_living_run_is_not_found_and_a_dead_one_is_found_once() {
    let base = tempfile::tempdir().unwrap();
    let state = StateDir::new(base.path().join("state"));
    assert!(dead(&state).is_empty());
    let run = begin(&state, "a1");
    run.add_task("a1/web/01").unwrap();
    assert!(dead(&state).is_empty());
    drop(run);
    let found = dead(&state);
    assert_eq!(found[0].alloc_id(), "a1");
    assert_eq!(found[0].tasks().unwrap(), ["a1/web/01"]);
    assert!(dead(&state).is_empty());
    found.into_iter().for_each(|run| run.close().unwrap());
    assert!(dead(&state).is_empty());
}

#[test]
fn all_runs_of_a_directory_are_on_one_node() {
    let base = tempfile::tempdir().unwrap();
    let state = StateDir::new(base.path().join("state"));
    let first = state.node_id();
    assert!(!base.path().join("state").exists(), "only to ask for it makes nothing");
    let _run = state.begin("a1", &first, &BTreeMap::new()).unwrap();
    assert_eq!(state.node_id(), first);
    let other = StateDir::new(base.path().join("other")).node_id();
    let _beside = state.begin("a2", &other, &BTreeMap::new()).unwrap();
    assert_eq!(state.node_id(), first);
    std::fs::write(base.path().join("state/node_id"), "cut").unwrap();
    assert_ne!(state.node_id(), first);
}

#[tokio::test]
async fn what_a_run_wrote_that_is_damaged_is_reported_and_kept() {
    let base = tempfile::tempdir().unwrap();
    let state = StateDir::new(base.path());
    let run = begin(&state, "a1");
    run.add_task("a1/web/01").unwrap();
    let place = run.path().join("place.json");
    std::fs::write(&place, "{").unwrap();
    drop(run);
    let run = dead(&state).remove(0);
    let report = clean_up(&state, run, PluginOptions::new("/nonexistent")).await;
    assert!(report.tasks.is_empty());
    assert!(matches!(report.faults[..], [CleanUpFault::State(_)]), "{:?}", report.faults);
    assert!(place.exists());
}

#[tokio::test]
async fn a_run_that_started_nothing_goes_without_a_plugin() {
    let base = tempfile::tempdir().unwrap();
    let state = StateDir::new(base.path());
    drop(begin(&state, "a1"));
    std::fs::create_dir(state.allocs().join("a1")).unwrap();
    let run = dead(&state).remove(0);
    let report = clean_up(&state, run, PluginOptions::new("/nonexistent")).await;
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    assert!(dead(&state).is_empty() && !state.allocs().join("a1").exists());
}
