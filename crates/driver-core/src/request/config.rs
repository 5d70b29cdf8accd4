//! The operator's configuration of the plugin (`plugin "containerd-driver" { config { … } }`).

use std::path::PathBuf;
use std::time::Duration;

use linux_host::cgroup::CgroupMode;

use crate::request::credentials::Credentials;

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
    /// `auth`: credentials for registries where the job has none.
    pub auth: Option<Credentials>,
    /// `allow_privileged`: whether jobs may be privileged.
    pub allow_privileged: bool,
    /// `allow_caps`: names of the capabilities that jobs may have, or `all`.
    pub allow_caps: Vec<String>,
    /// `allowed_modes`: the namespaces of the host that tasks may be in.
    pub allowed_modes: AllowedModes,
    /// `volumes.enabled`: whether jobs may mount paths of the host.
    pub volumes: bool,
    /// `allow_host_network`: whether jobs may be in the host's network.
    pub allow_host_network: bool,
    /// `allow_devices`: whether jobs may name devices of the host.
    pub allow_devices: bool,
    /// `seccomp_profile_dir`: which files of the host jobs may name as their seccomp profile.
    pub seccomp_profiles: SeccompProfiles,
    /// Whether a job may wait longer for its image than `image_pull_timeout` says.
    pub longer_pulls: bool,
    /// Whether system calls are filtered where a job does not say.
    pub seccomp: bool,
    /// `disable_log_collection`: the client collects no output, and tasks write to nowhere.
    pub disable_log_collection: bool,
    /// `recover_stopped`: whether a task that the host's restart ended gets its root file system back.
    pub recover_stopped: bool,
    /// `gc.container = false`: the container of a destroyed task stays as long as its allocation's directory.
    pub keep_containers: bool,
    /// `gc.dangling_containers`: the removal of what tasks left behind that nobody knows any more.
    pub dangling_containers: DanglingContainers,
}

/// The files of the host that jobs may name as `seccomp_profile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeccompProfiles {
    /// Every file.
    Any,
    /// Those in this directory.
    Beneath(PathBuf),
    /// None.
    None,
}

/// `gc.dangling_containers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DanglingContainers {
    /// Whether they are looked for.
    pub enabled: bool,
    /// Whether they are only told in the log.
    pub dry_run: bool,
    /// Time between two looks.
    pub period: Duration,
    /// How old one must be, and how long it must have been seen dangling.
    pub creation_grace: Duration,
}

impl Default for DanglingContainers {
    fn default() -> Self {
        let five_minutes = Duration::from_secs(300);
        Self { enabled: true, dry_run: false, period: five_minutes, creation_grace: five_minutes }
    }
}

/// The values that jobs may give to the options of namespaces, beside a namespace of the task's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedModes {
    /// Of `pid_mode`.
    pub pid: Vec<String>,
    /// Of `ipc_mode`.
    pub ipc: Vec<String>,
    /// Of `userns_mode`.
    pub userns: Vec<String>,
    /// Of `uts_mode`.
    pub uts: Vec<String>,
}

impl AllowedModes {
    /// No namespace of the host.
    #[must_use]
    pub fn none() -> Self {
        Self { pid: Vec::new(), ipc: Vec::new(), userns: Vec::new(), uts: Vec::new() }
    }
}

impl Default for AllowedModes {
    fn default() -> Self {
        let host = || vec!["host".to_owned()];
        Self { pid: host(), ipc: host(), userns: host(), uts: host() }
    }
}

/// Every capability of the usual set but NET_RAW, with which one task can pose as another.
const STRICT_CAPS: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

impl PluginConfig {
    /// What holds under `security = "strict"` where the operator does not say more.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            allow_privileged: false,
            allow_caps: STRICT_CAPS.map(str::to_owned).to_vec(),
            allowed_modes: AllowedModes::none(),
            volumes: false,
            allow_host_network: false,
            allow_devices: false,
            seccomp_profiles: SeccompProfiles::None,
            longer_pulls: false,
            seccomp: true,
            ..Self::default()
        }
    }

    /// The containerd namespace: the configured one, else `nomad` on cgroup v1 and `nomad.slice` on v2.
    #[must_use]
    pub fn namespace(&self, mode: CgroupMode) -> String {
        self.namespace.clone().unwrap_or_else(|| default_namespace(mode).to_owned())
    }
}

/// The containerd namespace where the operator names none: that of the Go driver, which has no other.
pub(crate) fn default_namespace(mode: CgroupMode) -> &'static str {
    match mode {
        CgroupMode::V1 => "nomad",
        CgroupMode::V2 => "nomad.slice",
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
            auth: None,
            allow_privileged: true,
            allow_caps: vec!["all".to_owned()],
            allowed_modes: AllowedModes::default(),
            volumes: true,
            allow_host_network: true,
            allow_devices: true,
            seccomp_profiles: SeccompProfiles::Any,
            longer_pulls: true,
            seccomp: false,
            disable_log_collection: false,
            recover_stopped: false,
            keep_containers: false,
            dangling_containers: DanglingContainers::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_is_the_usual_set_of_capabilities_without_raw_sockets() {
        let names = PluginConfig::strict().allow_caps;
        let strict = oci_builder::CapabilitySet::from_names("allow_caps", &names).unwrap();
        let usual = oci_builder::CapabilitySet::DEFAULT;
        assert_eq!(usual.difference(strict).to_string(), "CAP_NET_RAW");
        assert!(strict.is_subset(usual));
    }
}
