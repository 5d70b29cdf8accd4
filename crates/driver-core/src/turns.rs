//! Turns: of all that makes or removes a container, one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::ids::ContainerId;

/// Whose turn it is, for each container.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<ContainerId, Arc<tokio::sync::Mutex<()>>>>);

/// A turn, until it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for its turn.
    pub(crate) async fn take(&self, id: &ContainerId) -> Turn {
        self.of(id).lock_owned().await
    }

    /// A turn, unless somebody has it.
    pub(crate) fn try_take(&self, id: &ContainerId) -> Option<Turn> {
        self.of(id).try_lock_owned().ok()
    }

    fn of(&self, id: &ContainerId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(id.clone()).or_default())
    }
}
