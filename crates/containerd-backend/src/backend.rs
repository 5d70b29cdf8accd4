//! The adapter: one containerd, one namespace, one snapshotter.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use driver_core::ports::{
    ConnectPort, ContainerPort, ContainersError, Image, ImageRequest, Images, Progress,
};
use driver_core::request::config::PluginConfig;

use crate::events::Watcher;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::health::features::{FeatureCache, Features};
use crate::images::ImageStore;

/// Makes the port over a containerd's socket.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connector;

impl ConnectPort for Connector {
    fn connect(
        &self,
        config: &PluginConfig,
        namespace: &str,
    ) -> Result<Arc<dyn ContainerPort>, ContainersError> {
        Ok(Arc::new(Backend::new(config, namespace)?))
    }
}

/// The port over one containerd.
#[derive(Debug)]
pub(crate) struct Backend {
    /// The daemon, in the namespace.
    pub(crate) daemon: Daemon,
    /// The runtime as it is configured.
    pub(crate) runtime: String,
    /// The snapshotter of new root file systems.
    pub(crate) snapshotter: String,
    /// Where objects for the runtime are mounted.
    pub(crate) state_dir: PathBuf,
    images: Arc<ImageStore>,
    features: FeatureCache,
    watcher: OnceLock<Watcher>,
}

impl Backend {
    fn new(config: &PluginConfig, namespace: &str) -> Result<Self, ContainersError> {
        let daemon = Daemon::new(&config.address, namespace, config.client_timeout)?;
        Ok(Self {
            images: ImageStore::new(daemon.clone(), &config.snapshotter),
            daemon,
            runtime: config.runtime.clone(),
            snapshotter: config.snapshotter.clone(),
            state_dir: config.state_dir.clone(),
            features: FeatureCache::default(),
            watcher: OnceLock::new(),
        })
    }

    /// The watcher, started at its first use.
    pub(crate) fn watcher(&self) -> &Watcher {
        self.watcher.get_or_init(|| Watcher::start(self.daemon.clone()))
    }

    /// What the daemon can do.
    pub(crate) async fn features(&self) -> Result<Arc<Features>, RpcError> {
        self.features.get(&self.daemon, &self.runtime).await
    }
}

#[async_trait]
impl Images for Backend {
    async fn image(
        &self,
        request: &ImageRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Image, ContainersError> {
        self.images.image(request, progress).await
    }
}
