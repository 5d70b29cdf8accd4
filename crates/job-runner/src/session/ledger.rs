//! The owner's record during a run. That it cannot be written is shown, and the run goes on.

use crate::chain::chain;
use crate::screen::Screen;
use nomad_host::owner::{Owner, Record};
use std::sync::{Arc, Mutex, PoisonError};

/// The record of this run.
pub(super) struct Ledger {
    owner: Mutex<Option<Owner>>,
    screen: Arc<dyn Screen>,
}

impl Ledger {
    pub(super) fn new(owner: Owner, screen: Arc<dyn Screen>) -> Self {
        Self { owner: Mutex::new(Some(owner)), screen }
    }

    /// Changes the record and writes it.
    pub(super) fn update(&self, change: impl FnOnce(&mut Record)) {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = owner.as_mut()
            && let Err(error) = owner.update(change)
        {
            self.screen.warning(&chain(&error));
        }
    }

    /// Whether tasks are still in it.
    pub(super) fn has_tasks(&self) -> bool {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        owner.as_ref().is_some_and(|owner| !owner.record().tasks.is_empty())
    }

    /// The end: nothing is left that it names.
    pub(super) fn finish(&self) {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = owner.map(Owner::close) {
            self.screen.warning(&chain(&error));
        }
    }
}
