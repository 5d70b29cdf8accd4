//! Locks of containers: whoever makes or removes one holds its lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::request::ids::ContainerId;

/// One lock for each container that somebody works on.
#[derive(Default)]
pub(crate) struct ContainerLocks(Mutex<HashMap<ContainerId, Arc<tokio::sync::Mutex<()>>>>);

/// A held lock; dropping it releases it.
pub(crate) type ContainerLock = OwnedMutexGuard<()>;

impl ContainerLocks {
    /// Waits for the lock.
    pub(crate) async fn take(&self, id: &ContainerId) -> ContainerLock {
        self.of(id).lock_owned().await
    }

    /// The lock, unless somebody holds it.
    pub(crate) fn try_take(&self, id: &ContainerId) -> Option<ContainerLock> {
        self.of(id).try_lock_owned().ok()
    }

    fn of(&self, id: &ContainerId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(id.clone()).or_default())
    }
}
