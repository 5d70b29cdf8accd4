//! Tasks of an earlier configuration may be in another containerd namespace than the tasks that are started now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::DriverError;
use crate::node::context::Context;
use crate::ports::ConnectPort;
use crate::request::config::PluginConfig;

/// The contexts of other namespaces under the present configuration.
pub(crate) struct OtherNamespaces {
    connector: Arc<dyn ConnectPort>,
    by_name: Mutex<HashMap<String, Arc<Context>>>,
}

impl OtherNamespaces {
    pub(crate) fn new(connector: Arc<dyn ConnectPort>) -> Self {
        Self { connector, by_name: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Context>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all of them: their configuration is replaced.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Those that tasks were recovered in.
    pub(crate) fn all(&self) -> Vec<Arc<Context>> {
        self.lock().values().cloned().collect()
    }

    /// The context of a namespace; `here` unless it is another one.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub(crate) fn get(&self, here: Arc<Context>, namespace: &str) -> Result<Arc<Context>, DriverError> {
        if here.namespace() == namespace {
            return Ok(here);
        }
        let mut by_name = self.lock();
        if let Some(there) = by_name.get(namespace) {
            return Ok(Arc::clone(there));
        }
        let ports = self.connector.connect(&here.config, namespace).map_err(DriverError::Configuration)?;
        let config = PluginConfig { namespace: Some(namespace.to_owned()), ..here.config.clone() };
        let there = Arc::new(Context { config, ports, ..Context::clone(&here) });
        by_name.insert(namespace.to_owned(), Arc::clone(&there));
        Ok(there)
    }
}
