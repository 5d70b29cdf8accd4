//! Owners that have died are found by the lock that they held.
//!
//! No test of this program starts a process: one that is being forked has the locks of all others until it is executed.

use std::path::PathBuf;

use nomad_host::owner::{OwnerError, OwnerStore};

#[test]
fn a_living_owner_is_not_found_and_a_dead_one_is_found_once() {
    let base = tempfile::tempdir().unwrap();
    let store = OwnerStore::open(&base.path().join("owners")).unwrap();
    let mut owner = store.register().unwrap();
    owner.update(|record| record.alloc_dir = Some("/allocs/a".into())).unwrap();
    assert!(store.dead().unwrap().0.is_empty());
    drop(owner);
    let (dead, _) = store.dead().unwrap();
    assert_eq!(dead[0].record.alloc_dir, Some("/allocs/a".into()));
    assert!(store.dead().unwrap().0.is_empty());
    dead.into_iter().for_each(|owner| owner.close().unwrap());
    assert!(store.dead().unwrap().0.is_empty());
}

#[test]
fn a_damaged_record_is_reported_and_kept() {
    let base = tempfile::tempdir().unwrap();
    let store = OwnerStore::open(base.path()).unwrap();
    let mut owner = store.register().unwrap();
    owner.update(|_| {}).unwrap();
    let entries = std::fs::read_dir(base.path()).unwrap().flatten();
    let records: Vec<PathBuf> =
        entries.map(|entry| entry.path().join("record.json")).filter(|path| path.exists()).collect();
    drop(owner);
    std::fs::write(&records[0], "{").unwrap();
    let (dead, unreadable) = store.dead().unwrap();
    assert!(dead.is_empty());
    assert!(matches!(unreadable[..], [OwnerError::Record { .. }]));
    assert!(records[0].exists());
}
