//! Hints of a lack of memory, each for the task that it is about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driver_core::request::ids::ContainerId;
use tokio::sync::watch;

/// Those who wait for hints, by container: how many hints there have been.
#[derive(Debug, Clone, Default)]
pub(super) struct Hints(Arc<Mutex<HashMap<ContainerId, watch::Sender<u64>>>>);

impl Hints {
    fn lock(&self) -> MutexGuard<'_, HashMap<ContainerId, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes with each hint for the container from now on.
    pub(super) fn of(&self, id: &ContainerId) -> watch::Receiver<u64> {
        let mut hints = self.lock();
        hints.retain(|_, hint| hint.receiver_count() > 0);
        hints.entry(id.clone()).or_default().subscribe()
    }

    /// Passes a hint on to those who wait for it.
    pub(super) fn send(&self, id: &ContainerId) {
        if let Some(hint) = self.lock().get(id) {
            hint.send_modify(|count| *count += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_reaches_the_container_that_it_is_about_and_nobody_else() {
        let hints = Hints::default();
        let (one, other) = (ContainerId::existing("one"), ContainerId::existing("other"));
        let (of_one, of_other) = (hints.of(&one), hints.of(&other));
        hints.send(&one);
        hints.send(&ContainerId::existing("nobody"));
        assert!(of_one.has_changed().unwrap() && !of_other.has_changed().unwrap());
        drop(of_one);
        let _later = hints.of(&other);
        assert_eq!(hints.lock().len(), 1, "nobody waits for the first one any more");
    }
}
