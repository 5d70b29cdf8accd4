//! The operator's switches over what a job may ask for.

use std::path::PathBuf;

use oci_builder::{DeviceRequest, PidNamespace, Privilege};

use super::Refusal;
use crate::config::PluginConfig;
use crate::network_files::is_host_network;
use crate::options::{DeviceOption, TaskOptions};
use crate::spec::TaskSpec;

/// Which seccomp profile a task has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// None.
    Off,
    /// The driver's own.
    Shipped,
    /// One that lies on the host.
    File(PathBuf),
}

/// `privileged`, where the operator allows it.
pub(super) fn privilege(options: &TaskOptions, config: &PluginConfig) -> Result<Privilege, Refusal> {
    match (options.privileged, config.allow_privileged) {
        (false, _) => Ok(Privilege::Confined),
        (true, true) => Ok(Privilege::Privileged),
        (true, false) => Err(Refusal::new(
            "privileged",
            "true",
            "Running privileged jobs are not allowed on this node; leave privileged out, or have its operator \
             set allow_privileged = true",
        )),
    }
}

/// `pid_mode`, where the operator allows it.
pub(super) fn pid(options: &TaskOptions, config: &PluginConfig) -> Result<PidNamespace, Refusal> {
    let pid = PidNamespace::from_option(&options.pid_mode)?;
    let allowed = config.allowed_pid_modes.iter().any(|mode| mode.eq_ignore_ascii_case(&options.pid_mode));
    if pid == PidNamespace::New || allowed {
        return Ok(pid);
    }
    let accepted = "the operator's allowed_modes.pid does not have this mode; leave pid_mode out";
    Err(Refusal::new("pid_mode", options.pid_mode.as_str(), accepted))
}

/// The host's network, where the operator allows it.
pub(super) fn check_network(spec: &TaskSpec, config: &PluginConfig) -> Result<(), Refusal> {
    if config.host_network || !is_host_network(spec) {
        return Ok(());
    }
    let accepted = "security = \"strict\" keeps tasks out of the host's network; \
                    use network mode \"bridge\", or none";
    Err(Refusal::new("host_network", "true", accepted))
}

/// `devices`, where the operator allows them.
pub(super) fn devices(options: &TaskOptions, config: &PluginConfig) -> Result<Vec<DeviceRequest>, Refusal> {
    let read = |device: &DeviceOption| match device {
        DeviceOption::Text(text) => DeviceRequest::from_text(text),
        DeviceOption::Parts { host_path, container_path, cgroup_permissions } => {
            DeviceRequest::from_parts(host_path, container_path, cgroup_permissions)
        }
    };
    let devices = options.devices.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    match devices.first().filter(|_| !config.host_devices) {
        Some(device) => Err(Refusal::new(
            "devices",
            device.host_path.display().to_string(),
            "security = \"strict\" keeps tasks from the host's devices; device plugins are accepted",
        )),
        None => Ok(devices),
    }
}

/// `seccomp` and `seccomp_profile`; a privileged task has a filter only where it asks for one.
pub(super) fn filter(options: &TaskOptions, config: &PluginConfig) -> Result<Filter, Refusal> {
    let on = options.seccomp.unwrap_or(config.seccomp && !options.privileged);
    match (on, options.seccomp_profile.as_str()) {
        (false, "") => Ok(Filter::Off),
        (true, "") => Ok(Filter::Shipped),
        (false, profile) => {
            Err(Refusal::new("seccomp_profile", profile, "a profile needs seccomp = true beside it"))
        }
        (true, profile) if !profile.starts_with('/') || profile.contains('\0') => {
            Err(Refusal::new("seccomp_profile", profile, "an absolute path of the host is accepted"))
        }
        (true, profile) => Ok(Filter::File(profile.into())),
    }
}
