//! Configurations of tasks and of the plugin, as clients send them: cty's msgpack.

use driver_core::request::options::TaskOptions;
use driver_core::{PluginConfig, chain};
use nomad_plugin::options::{OptionError, plugin, task};
use nomad_proto::cty::{self, Value};

use crate::target::Target;

pub(crate) const TASK: Target = Target {
    name: "task",
    run: |bytes| agrees(bytes, task::decode, checked),
    seeds: || seeds(&[options(), blocks(), Value::from([("image", "busybox")])]),
    longest: 4096,
};

pub(crate) const PLUGIN: Target = Target {
    name: "plugin",
    run: |bytes| agrees(bytes, plugin::decode, |_: &PluginConfig| {}),
    seeds: || seeds(&[operator(), Value::Nil]),
    longest: 4096,
};

pub(crate) const VALUE: Target =
    Target { name: "value", run: value, seeds: || seeds(&[options(), shapes(), Value::Nil]), longest: 4096 };

/// What is read of a value is read of the same value when it is written again; a text in an error is bounded.
fn agrees<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, OptionError>,
    check: impl Fn(&T),
) -> bool {
    match decode(bytes) {
        Ok(read) => {
            check(&read);
            let written = cty::encode(&cty::decode(bytes).unwrap()).unwrap();
            assert_eq!(decode(&written).unwrap(), read);
            true
        }
        Err(error) => {
            let told = chain(&error);
            assert!(!told.is_empty() && told.len() < 1024 + 8 * bytes.len(), "{told}");
            false
        }
    }
}

/// The decoder's own promises.
fn checked(options: &TaskOptions) {
    assert!(!options.image.is_empty());
    assert_ne!(options.command.as_deref(), Some(""));
    assert_ne!(options.cwd.as_deref(), Some(""));
    if let Some(auth) = &options.auth {
        let (shown, password) = (format!("{options:?}"), auth.password());
        // A short one may be a part of anything.
        assert!(
            password.len() < 8 || shown.matches(password).count() <= elsewhere(options, password),
            "{shown}"
        );
    }
}

/// How often a text stands in the options beside the password, as they are shown.
fn elsewhere(options: &TaskOptions, text: &str) -> usize {
    let without = TaskOptions { auth: None, ..options.clone() };
    let auth = options.auth.iter().map(|auth| format!("{:?}{:?}", auth.user(), auth.server()));
    format!("{without:?}").matches(text).count() + auth.map(|auth| auth.matches(text).count()).sum::<usize>()
}

/// What was read can be written. A number that msgpack has no form for is a text from then on, and nothing changes
/// any more; nothing is deeper or longer than the limits say.
fn value(bytes: &[u8]) -> bool {
    let Ok(value) = cty::decode(bytes) else { return false };
    assert!(bytes.len() <= cty::MAX_LEN && depth(&value) <= cty::MAX_DEPTH);
    let again = |value: &Value| cty::decode(&cty::encode(value).unwrap()).unwrap();
    let written = again(&value);
    assert_eq!(format!("{:?}", again(&written)), format!("{written:?}"));
    true
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Map(entries) => 1 + entries.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

pub(crate) fn seeds(values: &[Value]) -> Vec<Vec<u8>> {
    values.iter().map(|value| cty::encode(value).unwrap()).collect()
}

/// A task with most of the options.
pub(crate) fn options() -> Value {
    Value::from([
        ("image", Value::from("docker.io/library/redis:7")),
        ("image_pull_timeout", "1h30m".into()),
        (
            "auth",
            [("username", "alice"), ("password", "hunter2hunter2"), ("server_address", "r:5000")].into(),
        ),
        ("command", "redis-server".into()),
        ("args", Value::List(vec!["--port".into(), 6379.into()])),
        ("entrypoint", "/init".into()),
        ("cwd", "/data".into()),
        ("hostname", "web".into()),
        ("host_network", true.into()),
        ("network_mode", "host".into()),
        ("host_dns", false.into()),
        ("extra_hosts", vec!["a:127.0.0.1", "b:::1"].into()),
        ("cap_add", vec!["net_admin", "CAP_CHOWN"].into()),
        ("cap_drop", vec!["all"].into()),
        ("pid_mode", "host".into()),
        ("seccomp_profile", "/etc/profile.json".into()),
        ("sysctl", Value::List(vec![[("net.core.somaxconn", Value::from(16_384))].into()])),
        ("shm_size", "64m".into()),
        ("pids_limit", 100.into()),
        ("file_limit", 1024.into()),
        ("cpuset_cpus", "0-1".into()),
    ])
}

/// A task with blocks.
fn blocks() -> Value {
    let memory = Value::from([
        ("type", Value::from("tmpfs")),
        ("target", "/scratch".into()),
        ("options", vec!["size=1m", "mode=0700"].into()),
        ("tmpfs_options", Value::List(vec![[("size", Value::from(1024)), ("mode", 448.into())].into()])),
    ]);
    let bind = Value::from([
        ("type", Value::from("bind")),
        ("source", "local/a".into()),
        ("target", "/a".into()),
        ("readonly", true.into()),
        ("bind_options", [("propagation", "rslave")].into()),
    ]);
    let device = Value::from([("host_path", "/dev/kmsg"), ("cgroup_permissions", "r")]);
    Value::from([
        ("image", Value::from("a")),
        ("privileged", true.into()),
        ("devices", Value::List(vec!["/dev/fuse:/dev/f:r".into(), "v.com/c=d".into(), device])),
        ("mounts", Value::List(vec![memory])),
        ("mount", bind),
    ])
}

fn operator() -> Value {
    Value::from([
        ("enabled", Value::from(true)),
        ("containerd_addr", "unix:///run/containerd/containerd.sock".into()),
        ("stats_interval", "5s".into()),
        ("security", "strict".into()),
        ("allow_caps", vec!["all"].into()),
        ("allowed_modes", Value::List(vec![[("pid", Value::List(Vec::new()))].into()])),
        ("volumes", [("enabled", false)].into()),
        ("gc", [("dangling_containers", Value::from([("period", "5m")]))].into()),
    ])
}

/// Every kind of value, in every depth up to four.
fn shapes() -> Value {
    let leaves = vec![
        Value::Nil,
        Value::from(false),
        Value::from(i64::MIN),
        Value::Float(0.5),
        Value::Decimal("18446744073709551615".to_owned()),
        Value::from("text"),
        Value::Bytes(vec![0xff, 0xfe]),
    ];
    let one = Value::List(leaves);
    let two = Value::from([("a", one.clone()), ("b", one)]);
    Value::List(vec![two.clone(), Value::from([("c", two)])])
}
