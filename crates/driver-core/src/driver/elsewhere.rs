//! Tasks of an earlier configuration may be in another namespace of containerd than the tasks that are started now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Driver;
use crate::config::PluginConfig;
use crate::context::Context;
use crate::error::DriverError;
use crate::ids::TaskId;
use crate::reaper;

/// The contexts of other namespaces, by name, of the present configuration.
pub(super) type Elsewhere = Mutex<HashMap<String, Arc<Context>>>;

impl Driver {
    /// Removes what carries the id of a task that this process does not know, in every namespace that it has met.
    pub(super) async fn destroy_unknown(self, id: TaskId, force: bool) -> Result<(), DriverError> {
        let here = self.context().map_err(|_| DriverError::TaskNotFound)?;
        let elsewhere: Vec<_> = {
            let met = self.0.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
            met.values().cloned().collect()
        };
        let mut result = Err(DriverError::TaskNotFound);
        for context in std::iter::once(here).chain(elsewhere) {
            match reaper::destroy_unknown(context, self.shared(), id.clone(), force).await {
                Err(DriverError::TaskNotFound) => {}
                Err(error) => return Err(error),
                Ok(()) => result = Ok(()),
            }
        }
        result
    }

    /// The context of tasks in this namespace; the configured one's, unless it is another.
    pub(super) fn context_in(&self, namespace: &str) -> Result<Arc<Context>, DriverError> {
        let here = self.context()?;
        if here.namespace() == namespace {
            return Ok(here);
        }
        let mut elsewhere = self.0.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = elsewhere.get(namespace) {
            return Ok(Arc::clone(there));
        }
        let ports = self.0.connector.connect(&here.config, namespace).map_err(DriverError::Configuration)?;
        let config = PluginConfig { namespace: Some(namespace.to_owned()), ..here.config.clone() };
        let there = Arc::new(Context { config, ports, ..Context::clone(&here) });
        elsewhere.insert(namespace.to_owned(), Arc::clone(&there));
        Ok(there)
    }
}
