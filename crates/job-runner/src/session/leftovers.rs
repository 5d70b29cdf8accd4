//! Cleans up what runs that were killed have left.

use crate::chain::chain;
use crate::screen::Screen;
use nomad_host::plugin::PluginOptions;
use nomad_host::state::{StateDir, clean_up};
use tokio::task::block_in_place;

/// Looks for dead runs and removes what they started. What cannot be removed is shown and does not keep this run
/// from beginning.
pub(super) async fn remove(state: &StateDir, plugin: &PluginOptions, screen: &dyn Screen) {
    let dead = match block_in_place(|| state.dead()) {
        Ok(found) => found,
        Err(error) => return screen.warning(&chain(&error)),
    };
    for run in dead {
        let run = match run {
            Ok(run) => run,
            Err(error) => {
                screen.warning(&chain(&error));
                continue;
            }
        };
        let (id, directory) = (run.alloc_id(), run.path().to_owned());
        screen.note(&format!("cleaning up after an earlier run that was killed (allocation {id})"));
        let report = clean_up(state, run, plugin.clone()).await;
        report.tasks.iter().for_each(|task| screen.note(&format!("  removed task {task}")));
        report.faults.iter().for_each(|fault| screen.warning(&chain(fault)));
        if !report.faults.is_empty() {
            screen.note(&format!(
                "  the next run tries again; remove {} if what it ran on is gone for good",
                directory.display()
            ));
        }
    }
}
