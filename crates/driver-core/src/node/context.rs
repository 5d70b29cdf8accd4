//! What every operation of one configuration of the driver shares.

use std::sync::Arc;

use linux_host::cgroup::{CgroupMode, CgroupMounts};

use crate::error::DriverError;
use crate::node::events::Events;
use crate::node::fd_budget::FdBudget;
use crate::node::host::Host;
use crate::node::kept_snapshots::KeptSnapshots;
use crate::node::state_dir::StateDir;
use crate::ports::{Connection, ContainerPort};
use crate::request::config::PluginConfig;

/// What the client tells of the node's CPUs (`nomad_config.topology`, from Nomad 1.7 on).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NodeCpu {
    /// MHz of one core; 0 when the client did not say.
    pub core_mhz: f64,
    /// MHz of the whole node; 0 when the client did not say.
    pub total_mhz: u64,
}

impl NodeCpu {
    /// The client's word, or the kernel's where the client is too old to say.
    pub(crate) fn or_of_host(self) -> Self {
        if self.core_mhz > 0.0 {
            return self;
        }
        let processors = linux_host::cpu::processors().unwrap_or_default();
        let core_mhz = processors.iter().filter_map(|processor| processor.megahertz).fold(0.0, f64::max);
        Self { core_mhz, ..self }
    }
}

/// One configuration, its port and the host's facts.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) config: PluginConfig,
    pub(crate) node: NodeCpu,
    pub(crate) host: Host,
    /// The capabilities of `allow_caps`.
    pub(crate) allow_caps: oci_builder::CapabilitySet,
    pub(crate) ports: Arc<dyn ContainerPort>,
    pub(crate) files: StateDir,
    pub(crate) cgroups: CgroupMounts,
    pub(crate) events: Events,
    pub(crate) fds: FdBudget,
    pub(crate) kept_snapshots: Arc<KeptSnapshots>,
}

impl Context {
    pub(crate) fn mode(&self) -> CgroupMode {
        self.cgroups.mode()
    }

    /// The namespace of containerd that it works in.
    pub(crate) fn namespace(&self) -> String {
        self.config.namespace(self.mode())
    }

    /// Works on the driver's files, on a thread that may wait for the disk.
    pub(crate) async fn on_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StateDir) -> Result<T, DriverError> + Send + 'static,
    ) -> Result<T, DriverError> {
        let files = self.files.clone();
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        done.map_err(|_| DriverError::Interrupted("work on the driver's files"))?
    }

    /// Returns as soon as the daemon answers.
    pub(crate) async fn connected(&self) {
        let mut connection = self.ports.connection();
        let watcher_ended = connection.wait_for(|state| *state == Connection::Up).await.is_err();
        if watcher_ended {
            tracing::error!("the watcher of the connection to containerd has ended");
            std::future::pending::<()>().await;
        }
    }
}
