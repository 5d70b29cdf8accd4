//! The operator's switches over what a job may ask for.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use linux_host::cdi;
use oci_builder::{DeviceRequest, DeviceRequestError, NamespaceMode, Privilege};

use crate::refusal::Refusal;
use crate::request::config::{PluginConfig, SeccompProfiles};
use crate::request::options::{DeviceOption, TaskOptions};
use crate::request::task::TaskSpec;

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

/// Whose namespaces a task is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Namespaces {
    pub(crate) pid: NamespaceMode,
    pub(crate) ipc: NamespaceMode,
    pub(crate) uts: NamespaceMode,
}

/// `pid_mode`, `ipc_mode` and `uts_mode`, where the operator allows them.
pub(super) fn namespaces(options: &TaskOptions, config: &PluginConfig) -> Result<Namespaces, Refusal> {
    let allowed = &config.allowed_modes;
    let namespaces = Namespaces {
        pid: mode("pid_mode", &options.pid_mode, &allowed.pid)?,
        ipc: mode("ipc_mode", &options.ipc_mode, &allowed.ipc)?,
        uts: mode("uts_mode", &options.uts_mode, &allowed.uts)?,
    };
    if namespaces.ipc == NamespaceMode::Host && !options.shm_size.is_empty() {
        let accepted = "with ipc_mode = \"host\" /dev/shm is the host's; leave one of the two out";
        return Err(Refusal::new("shm_size", options.shm_size.as_str(), accepted));
    }
    if namespaces.uts == NamespaceMode::Host && !options.hostname.is_empty() {
        let accepted = "with uts_mode = \"host\" the name is the host's; leave one of the two out";
        return Err(Refusal::new("hostname", options.hostname.as_str(), accepted));
    }
    Ok(namespaces)
}

/// `userns_mode`, which can only say what holds for every task.
pub(super) fn check_user_namespace(options: &TaskOptions, config: &PluginConfig) -> Result<(), Refusal> {
    let mode = options.userns_mode.as_str();
    if !mode.is_empty() && !mode.eq_ignore_ascii_case("host") {
        let accepted =
            "\"host\" is accepted, or leave it out: there are no user namespaces of tasks' own yet";
        return Err(Refusal::new("userns_mode", mode, accepted));
    }
    check_allowed("userns_mode", mode, &config.allowed_modes.userns)
}

fn mode(option: &'static str, value: &str, allowed: &[String]) -> Result<NamespaceMode, Refusal> {
    let mode = NamespaceMode::from_option(option, value)?;
    if mode == NamespaceMode::Host {
        check_allowed(option, value, allowed)?;
    }
    Ok(mode)
}

fn check_allowed(option: &'static str, value: &str, allowed: &[String]) -> Result<(), Refusal> {
    if value.is_empty() || allowed.iter().any(|word| word.eq_ignore_ascii_case(value)) {
        return Ok(());
    }
    let accepted = format!(
        "the operator's allowed_modes.{} does not have this mode; leave {option} out",
        option.trim_end_matches("_mode")
    );
    Err(Refusal::new(option, value, accepted))
}

/// The host's network, where the operator allows it.
pub(super) fn check_network(spec: &TaskSpec, config: &PluginConfig) -> Result<(), Refusal> {
    if config.allow_host_network || !spec.shares_host_network() {
        return Ok(());
    }
    let hint = "the host's network is not allowed on this node; use network { mode = \"bridge\" } or no network, or have \
                the operator set allow_host_network = true";
    Err(Refusal::new("host_network", "true", hint))
}

/// `image_pull_timeout`, the job's or the operator's. A registry of the job's own may take all of it.
pub(super) fn pull_timeout(options: &TaskOptions, config: &PluginConfig) -> Result<Duration, Refusal> {
    let longest = config.image_pull_timeout;
    match options.image_pull_timeout {
        None => Ok(longest),
        Some(timeout) if config.longer_pulls || timeout <= longest => Ok(timeout),
        Some(timeout) => {
            let hint = format!("must be at most {longest:?}, the image_pull_timeout of this node");
            Err(Refusal::new("image_pull_timeout", format!("{timeout:?}"), hint))
        }
    }
}

/// A device that a task may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceGrant {
    /// A node of the host, or a directory of them.
    Node(DeviceRequest),
    /// What the specification of its vendor says.
    Cdi(cdi::Name),
}

/// `devices`, where the operator allows them.
pub(super) fn devices(options: &TaskOptions, config: &PluginConfig) -> Result<Vec<DeviceGrant>, Refusal> {
    let devices = options.devices.iter().map(device).collect::<Result<Vec<_>, _>>()?;
    let shown = match devices.first().filter(|_| !config.allow_devices) {
        Some(DeviceGrant::Node(node)) => node.host_path.display().to_string(),
        Some(DeviceGrant::Cdi(name)) => name.to_string(),
        None => return Ok(devices),
    };
    let hint = "devices of the host are not allowed on this node; use a Nomad device plugin, or have the operator set \
                allow_devices = true";
    Err(Refusal::new("devices", shown, hint))
}

fn device(option: &DeviceOption) -> Result<DeviceGrant, DeviceRequestError> {
    match option {
        DeviceOption::Text(text) => match cdi::Name::from_text(text) {
            Some(name) => Ok(DeviceGrant::Cdi(name)),
            None => DeviceRequest::from_text(text).map(DeviceGrant::Node),
        },
        DeviceOption::Parts { host_path, container_path, cgroup_permissions } => {
            DeviceRequest::from_parts(host_path, container_path, cgroup_permissions).map(DeviceGrant::Node)
        }
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
        (true, profile) => {
            check_profile(profile, &config.seccomp_profiles)?;
            Ok(Filter::File(profile.into()))
        }
    }
}

/// Whether the job may name this file.
fn check_profile(profile: &str, allowed: &SeccompProfiles) -> Result<(), Refusal> {
    let climbs = Path::new(profile).components().any(|part| part == Component::ParentDir);
    let hint = match allowed {
        SeccompProfiles::Any => return Ok(()),
        SeccompProfiles::Beneath(directory) if !climbs && Path::new(profile).starts_with(directory) => {
            return Ok(());
        }
        SeccompProfiles::Beneath(directory) => {
            format!("only profiles in {} are allowed on this node", directory.display())
        }
        SeccompProfiles::None => {
            "profiles of the host are not allowed on this node; remove seccomp_profile for the \
                                  default profile, or have the operator set seccomp_profile_dir"
                .to_owned()
        }
    };
    Err(Refusal::new("seccomp_profile", profile, hint))
}
