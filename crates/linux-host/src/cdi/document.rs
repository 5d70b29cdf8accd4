//! One specification file. What it has beyond the keys here is an error, so that nothing a device needs is dropped.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::name;

/// A specification: the devices of one kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    pub(super) cdi_version: String,
    pub(super) kind: String,
    #[serde(default, rename = "annotations")]
    _annotations: IgnoredAny,
    pub(super) devices: Vec<Device>,
    #[serde(default)]
    pub(super) container_edits: Edits,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    pub(super) name: String,
    #[serde(default, rename = "annotations")]
    _annotations: IgnoredAny,
    #[serde(default)]
    pub(super) container_edits: Edits,
}

/// What a container gets with a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Edits {
    /// Environment variables.
    pub env: Vec<Variable>,
    /// Device nodes.
    pub device_nodes: Vec<DeviceNode>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Programs that the runtime runs.
    pub hooks: Vec<Hook>,
    /// Further groups of the process.
    pub additional_gids: Vec<u32>,
    net_devices: Present,
    intel_rdt: Present,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "IgnoredAny")]
struct Present(bool);

impl From<IgnoredAny> for Present {
    fn from(_: IgnoredAny) -> Self {
        Self(true)
    }
}

/// `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Variable {
    /// The part before the first equals sign.
    pub name: String,
    /// The rest.
    pub value: String,
}

impl TryFrom<String> for Variable {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(format!("env: {text:?} is not NAME=value")),
        }
    }
}

/// A device node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DeviceNode {
    /// In the container.
    pub path: PathBuf,
    /// On the host, where that is another path.
    pub host_path: Option<PathBuf>,
    /// Type; unset it is the host's node's.
    #[serde(rename = "type")]
    pub kind: Option<NodeType>,
    /// Major number; unset or 0 it is the host's node's.
    pub major: u32,
    /// Minor number, with a major one.
    pub minor: u32,
    /// Permission bits.
    pub file_mode: Option<u32>,
    /// Letters of r, w and m; empty for all, `none` for none.
    pub permissions: String,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

/// Type of a device node, as mknod(1) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum NodeType {
    /// Block device.
    #[serde(rename = "b")]
    Block,
    /// Character device, also written `u`.
    #[serde(rename = "c", alias = "u")]
    Char,
    /// Named pipe.
    #[serde(rename = "p")]
    Fifo,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// On the host.
    pub host_path: String,
    /// In the container.
    pub container_path: PathBuf,
    /// Options as in fstab(5).
    #[serde(default)]
    pub options: Vec<String>,
    /// Type; of a bind it is empty or says nothing.
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// A program that the runtime runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    /// When.
    pub hook_name: HookName,
    /// The program.
    pub path: PathBuf,
    /// Its arguments, its own name first.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its environment.
    #[serde(default)]
    pub env: Vec<Variable>,
    /// Seconds that it may take; unset is as long as it needs.
    #[serde(default)]
    pub timeout: Option<u32>,
}

/// When a runtime runs a hook (runtime-spec, "POSIX-platform Hooks").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookName {
    /// Before the task's program, in the host's namespaces; the older form of `createRuntime`.
    Prestart,
    /// While the container is made, in the host's namespaces.
    CreateRuntime,
    /// While the container is made, in its namespaces.
    CreateContainer,
    /// Before the task's program, in its file system.
    StartContainer,
    /// After the program has started.
    Poststart,
    /// After the container is gone.
    Poststop,
}

impl Document {
    /// What is wrong with a file that could be read.
    pub(super) fn fault(&self) -> Option<String> {
        if !["0.", "1."].iter().any(|major| self.cdi_version.starts_with(major)) {
            return Some(format!("cdiVersion {:?} is not known (accepted: 0.x and 1.x)", self.cdi_version));
        }
        let names = || self.devices.iter().map(|device| device.name.as_str());
        if let Some(bad) = names().find(|name| !name::is_device(name)) {
            return Some(format!("{bad:?} is not a name of a device"));
        }
        let mut known = HashSet::new();
        let twice = names().find(|name| !known.insert(*name));
        twice.map(|name| format!("the device {name:?} is there twice"))
    }
}

impl Edits {
    /// An edit that there is no way to make.
    pub(super) fn unsupported(&self) -> Option<&'static str> {
        let edits = [("netDevices", self.net_devices), ("intelRdt", self.intel_rdt)];
        edits.into_iter().find_map(|(edit, Present(is_there))| is_there.then_some(edit))
    }

    pub(super) fn append(&mut self, later: Self) {
        let Self { env, device_nodes, mounts, hooks, additional_gids, net_devices: _, intel_rdt: _ } = later;
        self.env.extend(env);
        self.device_nodes.extend(device_nodes);
        self.mounts.extend(mounts);
        self.hooks.extend(hooks);
        self.additional_gids.extend(additional_gids);
    }
}
