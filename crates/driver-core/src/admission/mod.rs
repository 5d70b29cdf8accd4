//! What can be refused is refused here, before the first side effect; the rest comes out as a [`Grant`].

mod admitted;
mod available;
mod capabilities;
mod cdi;
mod devices;
mod gates;
mod limits;
mod log_directory;
mod mounts;
mod names;
mod rules;
mod seccomp;

use std::collections::BTreeMap;
use std::time::Duration;

use linux_host::hosts::HostEntry;
use oci_builder::{CapabilitySet, Limit, LimitKind, Privilege};

use crate::refusal::Refusal;
use crate::request::options::{NetworkMode, TaskOptions};
use crate::request::task::{GroupNetwork, TaskSpec};

pub(crate) use admitted::Admitted;
use available::check_available;
pub(crate) use cdi::Extras;
pub(crate) use gates::{DeviceGrant, Filter, Namespaces};
pub(crate) use limits::Cpuset;
#[cfg(test)]
pub(crate) use mounts::Source;
pub(crate) use mounts::{AdmittedMount, MountGrant};
pub(crate) use rules::Rules;

/// What a task may have: its options, read and allowed.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) pull_timeout: Duration,
    pub(crate) extra_hosts: Vec<HostEntry>,
    pub(crate) privilege: Privilege,
    pub(crate) capabilities: CapabilitySet,
    pub(crate) namespaces: Namespaces,
    pub(crate) filter: Filter,
    pub(crate) devices: Vec<DeviceGrant>,
    pub(crate) mounts: Vec<MountGrant>,
    pub(crate) shm_size_bytes: u64,
    pub(crate) cpuset: Cpuset,
    pub(crate) rlimits: BTreeMap<LimitKind, Limit>,
}

/// Checks all of a task that needs no daemon and no file.
///
/// # Errors
/// The first refusal.
pub(crate) fn check(spec: &TaskSpec, rules: Rules<'_>) -> Result<Grant, Refusal> {
    let options = &spec.options;
    check_options(options)?;
    check_network(spec)?;
    gates::check_network(spec, rules.config)?;
    gates::check_user_namespace(options, rules.config)?;
    check_env(spec)?;
    limits::check_program(spec)?;
    check_mounts(spec)?;
    names::check_hostname(&options.hostname)?;
    names::check_user(&spec.user)?;
    let privilege = gates::privilege(options, rules.config)?;
    Ok(Grant {
        pull_timeout: gates::pull_timeout(options, rules.config)?,
        extra_hosts: names::extra_hosts(&options.extra_hosts)?,
        privilege,
        capabilities: capabilities::grant(options, privilege, rules)?,
        namespaces: gates::namespaces(options, rules.config)?,
        filter: gates::filter(options, rules.config)?,
        devices: gates::devices(options, rules.config)?,
        mounts: mounts::grant(spec, rules.config)?,
        shm_size_bytes: limits::shm_size(&options.shm_size)?,
        cpuset: limits::cpuset(spec)?,
        rlimits: limits::rlimits(options, rules.host)?,
    })
}

fn check_options(options: &TaskOptions) -> Result<(), Refusal> {
    if options.image.trim().is_empty() {
        return Err(Refusal::new(
            "image",
            options.image.as_str(),
            "an image reference such as redis:7 is required",
        ));
    }
    if !options.image.trim().bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint = "must be printable ASCII characters without spaces, such as redis:7";
        return Err(Refusal::new("image", options.image.as_str(), hint));
    }
    for (option, value) in [("command", options.command.as_deref()), ("cwd", options.cwd.as_deref())] {
        if let Some(value) = value.filter(|value| value.contains('\0')) {
            return Err(Refusal::new(option, value, "a text without NUL bytes is accepted"));
        }
    }
    if let Some(cwd) = options.cwd.as_deref().filter(|cwd| !cwd.starts_with('/')) {
        return Err(Refusal::new("cwd", cwd, "an absolute path in the container is accepted"));
    }
    options.cwd.as_deref().map_or(Ok(()), |cwd| limits::check_path("cwd", cwd))?;
    if let Some(arg) = options.args.iter().chain(&options.entrypoint).find(|arg| arg.contains('\0')) {
        return Err(Refusal::new("args", arg.as_str(), "texts without NUL bytes are accepted"));
    }
    Ok(())
}

fn check_network(spec: &TaskSpec) -> Result<(), Refusal> {
    match &spec.network {
        GroupNetwork::Namespace { .. } if spec.options.host_network => Err(Refusal::new(
            "host_network",
            "true",
            "the group has a network namespace of its own (bridge, cni or none mode); \
             leave host_network out, or use network mode \"host\"",
        )),
        _ => check_network_mode(spec),
    }
}

/// A job that names the network which it has anyway is right; every other one is not to get less than it names.
fn check_network_mode(spec: &TaskSpec) -> Result<(), Refusal> {
    let (value, accepted) = match (spec.options.network_mode, &spec.network) {
        (NetworkMode::Unset, _) | (NetworkMode::Bridge, GroupNetwork::Namespace { .. }) => return Ok(()),
        (NetworkMode::Bridge, _) => (
            "bridge",
            "this mode is accepted in a group with a network of its own; give it network { mode = \"bridge\" }",
        ),
        (NetworkMode::None, GroupNetwork::Unspecified) if !spec.options.host_network => return Ok(()),
        (NetworkMode::None, GroupNetwork::Unspecified) => {
            ("none", "host_network = true says otherwise; leave one of the two out")
        }
        (NetworkMode::None, GroupNetwork::HostPorts) => {
            ("none", "this mode is accepted in a group without ports; these are the host's")
        }
        (NetworkMode::None, GroupNetwork::Namespace { .. }) => (
            "none",
            "this mode is accepted in a group without a network of its own; leave it out, as the task is in the \
             group's, whose block can say mode = \"none\"",
        ),
    };
    Err(Refusal::new("network_mode", value, accepted))
}

fn check_env(spec: &TaskSpec) -> Result<(), Refusal> {
    let bad =
        spec.env.0.iter().find(|(name, value)| name.is_empty() || name.contains('=') || value.contains('\0'));
    match bad {
        Some((name, _)) => Err(Refusal::new(
            "env",
            name.as_str(),
            "names without '=' and values without NUL bytes are accepted",
        )),
        None => Ok(()),
    }
}

fn check_mounts(spec: &TaskSpec) -> Result<(), Refusal> {
    let climbs = |path: &std::path::Path| {
        !path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir)
    };
    for mount in &spec.mounts {
        if climbs(&mount.task_path) {
            return Err(Refusal::new(
                "volume_mount.destination",
                mount.task_path.display().to_string(),
                "an absolute path without .. is accepted",
            ));
        }
    }
    match spec.devices.iter().find(|device| device.permissions.chars().any(|c| !"rwm".contains(c))) {
        Some(device) => Err(Refusal::new(
            "device permissions",
            device.permissions.as_str(),
            "letters of r, w and m are accepted",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
