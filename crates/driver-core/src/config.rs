//! The operator's configuration of the plugin (`plugin "containerd-driver" { config { … } }`).

use std::path::PathBuf;
use std::time::Duration;

use linux_host::cgroup::CgroupMode;

/// Options of the plugin, decoded and complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginConfig {
    /// `enabled`: false leaves the driver undetected.
    pub enabled: bool,
    /// `containerd_runtime`: name of the shim, such as `io.containerd.runc.v2`.
    pub runtime: String,
    /// `containerd_addr`: containerd's socket.
    pub address: PathBuf,
    /// `containerd_namespace`; unset is [`PluginConfig::namespace`]'s default.
    pub namespace: Option<String>,
    /// `stats_interval`: overrides the client's when set.
    pub stats_interval: Option<Duration>,
    /// `snapshotter` for the root file systems.
    pub snapshotter: String,
    /// `state_dir`: hosts, resolv.conf and exec pipes of the tasks.
    pub state_dir: PathBuf,
    /// `client_timeout`: deadline of one call to containerd.
    pub client_timeout: Duration,
    /// `image_pull_timeout`: deadline of a whole pull where the job has none.
    pub image_pull_timeout: Duration,
    /// `allow_privileged`: whether jobs may be privileged.
    pub allow_privileged: bool,
}

impl PluginConfig {
    /// The containerd namespace: the configured one, else `nomad` on cgroup v1 and `nomad.slice` on v2.
    #[must_use]
    pub fn namespace(&self, mode: CgroupMode) -> String {
        self.namespace.clone().unwrap_or_else(|| match mode {
            CgroupMode::V1 => "nomad".to_owned(),
            CgroupMode::V2 => "nomad.slice".to_owned(),
        })
    }
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            runtime: "io.containerd.runc.v2".to_owned(),
            address: PathBuf::from("/run/containerd/containerd.sock"),
            namespace: None,
            stats_interval: None,
            snapshotter: "overlayfs".to_owned(),
            state_dir: PathBuf::from("/run/containerd-driver"),
            client_timeout: Duration::from_secs(60),
            image_pull_timeout: Duration::from_secs(300),
            allow_privileged: true,
        }
    }
}
