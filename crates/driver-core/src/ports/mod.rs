//! What the driver needs of a container daemon, declared here and fulfilled by an adapter.

use std::sync::Arc;

use crate::request::config::PluginConfig;

#[cfg(any(test, feature = "conformance"))]
#[allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a suite of tests")]
pub mod conformance;
mod containers;
mod error;
mod execs;
mod images;

pub use containers::{
    Connection, ContainerRecord, Containers, Exit, NewContainer, Rootfs, RootfsMount, Stdio, Survey,
    TaskState,
};
pub use error::ContainersError;
pub use execs::{Execs, NewExec};
pub use images::{Image, ImageRequest, Images, Progress, PullReport};

/// All that the driver asks of a container daemon.
pub trait ContainerPort: Images + Containers + Execs {}
impl<T: Images + Containers + Execs> ContainerPort for T {}

/// Makes the port from the operator's configuration; must not need the daemon to be up.
pub trait ConnectPort: Send + Sync + 'static {
    /// A port that connects lazily and again whenever it must. Called within a tokio runtime.
    ///
    /// # Errors
    /// A configuration that can never work; a daemon that is down is none.
    fn connect(
        &self,
        config: &PluginConfig,
        namespace: &str,
    ) -> Result<Arc<dyn ContainerPort>, ContainersError>;
}
