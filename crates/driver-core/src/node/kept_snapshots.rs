//! Containers that a restart of the host ended, whose root file systems the next start of their tasks may use again.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::request::ids::ContainerId;

/// Which containers these are. Each is used once, whatever comes of it.
#[derive(Debug, Default)]
pub(crate) struct KeptSnapshots(Mutex<HashSet<ContainerId>>);

impl KeptSnapshots {
    fn lock(&self) -> MutexGuard<'_, HashSet<ContainerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn remember(&self, id: ContainerId) {
        self.lock().insert(id);
    }

    pub(crate) fn contains(&self, id: &ContainerId) -> bool {
        self.lock().contains(id)
    }

    /// Whether it was one; it is none any more.
    pub(crate) fn take(&self, id: &ContainerId) -> bool {
        self.lock().remove(id)
    }
}
