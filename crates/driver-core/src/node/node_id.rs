//! Which node this is.

use std::sync::{Mutex, PoisonError};

/// The node's id, as the tasks of this process tell it.
#[derive(Debug, Default)]
pub(crate) struct NodeId(Mutex<Option<String>>);

impl NodeId {
    pub(crate) fn learn(&self, id: &str) {
        if !id.is_empty() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.to_owned());
        }
    }

    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
