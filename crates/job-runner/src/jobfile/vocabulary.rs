//! What may stand in each kind of block, and what `run` makes of it.

/// The words of one kind of block.
pub(super) struct Vocabulary {
    /// Attributes that are read.
    pub(super) attributes: &'static [&'static str],
    /// Blocks that are read.
    pub(super) blocks: &'static [&'static str],
    /// Read as a block or as an attribute with a map.
    pub(super) maps: &'static [&'static str],
    /// Known to Nomad and without meaning on one machine.
    pub(super) silent: &'static [&'static str],
    /// Left out with a warning: name and reason.
    pub(super) warned: &'static [(&'static str, &'static str)],
    /// Refused: name and reason.
    pub(super) refused: &'static [(&'static str, &'static str)],
}

const NOTHING: Vocabulary =
    Vocabulary { attributes: &[], blocks: &[], maps: &[], silent: &[], warned: &[], refused: &[] };

const PLACEMENT: (&str, &str) = ("constraint", "it is not checked, the group runs on this machine");
const DYNAMIC: (&str, &str) = ("dynamic", "write its blocks out");
const VAULT: (&str, &str) = ("vault", "there is no Vault to get a token from");
const CONSUL: (&str, &str) = ("consul", "there is no Consul to get a token from");
const SECRET: (&str, &str) = ("secret", "there is no store to fetch secrets from");

pub(super) const FILE: Vocabulary =
    Vocabulary { blocks: &["variable", "variables", "locals", "job"], ..NOTHING };

pub(super) const VARIABLE: Vocabulary = Vocabulary {
    attributes: &["type", "default"],
    blocks: &["validation"],
    silent: &["description"],
    ..NOTHING
};

pub(super) const VALIDATION: Vocabulary =
    Vocabulary { attributes: &["condition", "error_message"], ..NOTHING };

pub(super) const JOB: Vocabulary = Vocabulary {
    attributes: &["id", "name", "type", "namespace", "region", "datacenters"],
    blocks: &["group", "task"],
    maps: &["meta"],
    silent: &[
        "priority",
        "all_at_once",
        "node_pool",
        "affinity",
        "spread",
        "update",
        "reschedule",
        "migrate",
        "ui",
        "multiregion",
    ],
    warned: &[PLACEMENT, ("periodic", "the group runs once, now")],
    refused: &[("parameterized", "there is no dispatch that gives it a payload"), DYNAMIC, VAULT, SECRET],
};

pub(super) const GROUP: Vocabulary = Vocabulary {
    attributes: &["count"],
    blocks: &["task", "network", "restart", "service"],
    maps: &["meta"],
    silent: &[
        "affinity",
        "spread",
        "update",
        "reschedule",
        "migrate",
        "scaling",
        "disconnect",
        "stop_after_client_disconnect",
        "max_client_disconnect",
        "prevent_reschedule_on_lost",
        "ephemeral_disk",
    ],
    warned: &[PLACEMENT, ("shutdown_delay", "tasks are stopped without a delay")],
    refused: &[
        ("volume", "volumes are not mounted yet"),
        ("max_run_duration", "the limit would not be kept"),
        DYNAMIC,
        CONSUL,
    ],
};

pub(super) const TASK: Vocabulary = Vocabulary {
    attributes: &["driver", "user", "leader", "kill_signal", "kill_timeout"],
    blocks: &["config", "resources", "lifecycle", "restart", "logs", "template", "service"],
    maps: &["env", "meta"],
    silent: &["affinity", "scaling"],
    warned: &[
        PLACEMENT,
        ("shutdown_delay", "the task is stopped without a delay"),
        ("action", "actions cannot be called"),
    ],
    refused: &[
        ("artifact", "nothing is downloaded; put the file into the image or a template"),
        ("volume_mount", "volumes are not mounted yet"),
        ("csi_plugin", "there is no server to register it with"),
        ("dispatch_payload", "there is no dispatch that gives a payload"),
        ("identity", "there is no server to sign it"),
        ("schedule", "the task would not be paused"),
        ("kind", "Consul Connect needs a Nomad agent"),
        DYNAMIC,
        VAULT,
        CONSUL,
        SECRET,
    ],
};

/// Why a `service` block is left out. One with `connect` is refused.
pub(super) const SERVICE: &str = "it is not registered and its checks do not run";
pub(super) const CONNECT: &str = "a sidecar proxy needs Consul";

pub(super) const RESOURCES: Vocabulary = Vocabulary {
    attributes: &["cpu", "cores", "memory", "memory_max"],
    silent: &["disk", "iops", "secrets"],
    warned: &[("numa", "cores are not chosen by their memory node")],
    refused: &[
        ("device", "device plugins are not started"),
        ("network", "put the `network` block into the group"),
    ],
    ..NOTHING
};

pub(super) const LIFECYCLE: Vocabulary = Vocabulary { attributes: &["hook", "sidecar"], ..NOTHING };

pub(super) const RESTART: Vocabulary = Vocabulary {
    attributes: &["attempts", "interval", "delay", "mode"],
    silent: &["render_templates"],
    ..NOTHING
};

pub(super) const LOGS: Vocabulary =
    Vocabulary { attributes: &["max_files", "max_file_size", "disabled", "enabled"], ..NOTHING };

pub(super) const TEMPLATE: Vocabulary = Vocabulary {
    attributes: &["data", "destination", "perms", "uid", "gid", "env", "left_delimiter", "right_delimiter"],
    silent: &[
        "change_mode",
        "change_signal",
        "change_script",
        "once",
        "splay",
        "wait",
        "vault_grace",
        "error_on_missing_key",
    ],
    refused: &[("source", "put the text into `data`, for instance with file()")],
    ..NOTHING
};

pub(super) const NETWORK: Vocabulary = Vocabulary {
    attributes: &["mode"],
    blocks: &["port", "dns"],
    silent: &["mbits"],
    warned: &[("hostname", "it needs a network of the group's own")],
    refused: &[
        ("cni", "it needs a network of the group's own, which `run` does not make yet"),
        DYNAMIC,
        ("reserved_ports", "write `port \"name\" { static = … }`"),
    ],
    ..NOTHING
};

pub(super) const PORT: Vocabulary = Vocabulary {
    attributes: &["static", "to", "ignore_collision"],
    warned: &[("host_network", "the port is on every address of this machine")],
    ..NOTHING
};

pub(super) const DNS: Vocabulary = Vocabulary { attributes: &["servers", "searches", "options"], ..NOTHING };
