//! What can be refused is refused here, before the first side effect.

use crate::options::TaskOptions;
use crate::spec::{GroupNetwork, TaskSpec};

/// A job's wish that is not granted: one sentence with the option, the value and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option} = {value:?}: {accepted}")]
pub struct Refusal {
    /// The option as it is spelt in the job file.
    pub option: &'static str,
    /// The value that is refused.
    pub value: String,
    /// Why, and what would be accepted.
    pub accepted: String,
}

impl Refusal {
    fn new(option: &'static str, value: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { option, value: value.into(), accepted: accepted.into() }
    }
}

/// Checks all of a task that needs no daemon and no file.
///
/// # Errors
/// The first refusal.
pub fn check(spec: &TaskSpec) -> Result<(), Refusal> {
    check_options(&spec.options)?;
    check_network(spec)?;
    check_env(spec)?;
    check_mounts(spec)
}

fn check_options(options: &TaskOptions) -> Result<(), Refusal> {
    if options.image.trim().is_empty() {
        return Err(Refusal::new(
            "image",
            options.image.as_str(),
            "an image reference such as redis:7 is required",
        ));
    }
    if options.command.is_some() && !options.entrypoint.is_empty() && options.entrypoint[0].is_empty() {
        return Err(Refusal::new("entrypoint", "", "the first element must be a program"));
    }
    if let Some(command) = options.command.as_deref().filter(|command| command.is_empty()) {
        return Err(Refusal::new("command", command, "a program is accepted, or leave the option out"));
    }
    for (option, value) in [("command", options.command.as_deref()), ("cwd", options.cwd.as_deref())] {
        if let Some(value) = value.filter(|value| value.contains('\0')) {
            return Err(Refusal::new(option, value, "a text without NUL bytes is accepted"));
        }
    }
    if let Some(cwd) = options.cwd.as_deref().filter(|cwd| !cwd.starts_with('/')) {
        return Err(Refusal::new("cwd", cwd, "an absolute path in the container is accepted"));
    }
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
        _ => Ok(()),
    }
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
mod tests {
    use super::*;
    use crate::testing::spec;

    fn refusal(change: impl FnOnce(&mut TaskSpec)) -> String {
        let mut spec = spec("web");
        change(&mut spec);
        check(&spec).map_or_else(|refusal| refusal.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn a_plain_task_is_accepted() {
        assert_eq!(refusal(|_| {}), "accepted");
    }

    #[test]
    fn a_missing_image_is_named() {
        assert_eq!(
            refusal(|spec| spec.options.image.clear()),
            r#"image = "": an image reference such as redis:7 is required"#
        );
    }

    #[test]
    fn a_relative_working_directory_is_refused() {
        assert_eq!(
            refusal(|spec| spec.options.cwd = Some("tmp".into())),
            r#"cwd = "tmp": an absolute path in the container is accepted"#
        );
    }

    #[test]
    fn host_network_in_a_group_with_a_namespace_is_refused() {
        let text = refusal(|spec| {
            spec.options.host_network = true;
            spec.network = GroupNetwork::Namespace {
                path: "/run/netns/x".into(),
                hostname: String::new(),
                address: String::new(),
            };
        });
        assert!(text.starts_with("host_network = \"true\": the group has a network namespace"), "{text}");
    }

    #[test]
    fn a_mount_target_that_climbs_is_refused() {
        let text = refusal(|spec| {
            spec.mounts.push(crate::spec::VolumeMount {
                host_path: "/srv".into(),
                task_path: "/data/../etc".into(),
                readonly: false,
                propagation: crate::spec::Propagation::Private,
            });
        });
        assert_eq!(
            text,
            r#"volume_mount.destination = "/data/../etc": an absolute path without .. is accepted"#
        );
    }
}
