//! One lock per name: of a blob, or of a layer in a snapshotter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Locks by name. A name that nobody holds takes no room for long.
#[derive(Debug, Default)]
pub(crate) struct KeyedLocks {
    locks: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl KeyedLocks {
    /// Waits for the lock of this name.
    pub(crate) async fn lock(&self, name: String) -> OwnedMutexGuard<()> {
        self.lock_of(name).lock_owned().await
    }

    /// The lock of this name when nobody holds it.
    pub(crate) fn try_lock(&self, name: String) -> Option<OwnedMutexGuard<()>> {
        self.lock_of(name).try_lock_owned().ok()
    }

    fn lock_of(&self, name: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(name, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_held_by_one_at_a_time_and_others_are_free() {
        let locks = KeyedLocks::default();
        let held = locks.lock("a".into()).await;
        assert!(futures::poll!(std::pin::pin!(locks.lock("a".into()))).is_pending());
        assert!(locks.try_lock("a".into()).is_none());
        assert!(locks.try_lock("b".into()).is_some());
        drop(locks.lock("b".into()).await);
        drop(held);
        drop(locks.lock("a".into()).await);
    }

    #[tokio::test]
    async fn names_that_nobody_holds_are_forgotten() {
        let locks = KeyedLocks::default();
        for number in 0..100 {
            drop(locks.lock(number.to_string()).await);
        }
        assert_eq!(locks.locks.lock().unwrap().len(), 1);
    }
}
