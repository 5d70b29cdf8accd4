//! Cleans up what runs that were killed have left.

use crate::chain::chain;
use crate::screen::Screen;
use nomad_host::owner::{OwnerStore, clean_up};
use nomad_host::plugin::PluginOptions;

/// Looks for dead owners and removes what they started. What cannot be removed is shown and does
/// not keep this run from beginning.
pub(super) async fn remove(store: &OwnerStore, plugin: &PluginOptions, screen: &dyn Screen) {
    let (dead, unreadable) = match store.dead() {
        Ok(found) => found,
        Err(error) => return screen.warning(&chain(&error)),
    };
    unreadable.iter().for_each(|error| screen.warning(&chain(error)));
    for owner in dead {
        screen.note(&format!(
            "cleaning up after an earlier run (process {}) that was killed",
            owner.record.pid
        ));
        let record = owner.directory().to_owned();
        let report = clean_up(owner, plugin.clone()).await;
        report.tasks.iter().for_each(|task| screen.note(&format!("  removed task {task}")));
        report.faults.iter().for_each(|fault| screen.warning(&chain(fault)));
        if !report.faults.is_empty() {
            screen.note(&format!(
                "  the next run tries again; remove {} if what it ran on is gone for good",
                record.display()
            ));
        }
    }
}
