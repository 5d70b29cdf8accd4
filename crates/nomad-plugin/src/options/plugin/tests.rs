//! Tests of the plugin's options: what a client makes of a block, decoded.

use std::time::Duration;

use driver_core::request::config::{AllowedModes, DanglingContainers, SeccompProfiles};
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::evaluate;

use super::*;
use crate::options::schema;

/// What a client makes of the block, decoded.
fn through_client(block: &Value) -> PluginConfig {
    let config = evaluate(&schema(&OPTIONS), block).unwrap();
    decode(&cty::encode(&config).unwrap()).unwrap()
}

#[test]
fn the_schemas_defaults_are_the_drivers() {
    assert_eq!(through_client(&Value::Nil), PluginConfig::default());
    assert_eq!(decode(&[]).unwrap(), PluginConfig::default());
}

#[test]
fn every_option_arrives() {
    let dangling = [
        ("enabled", Value::from(false)),
        ("dry_run", true.into()),
        ("period", "1m".into()),
        ("creation_grace", "2m".into()),
    ];
    let block = Value::from([
        ("enabled", Value::from(false)),
        ("containerd_runtime", "io.containerd.kata.v2".into()),
        ("containerd_addr", "unix:///a/containerd.sock".into()),
        ("containerd_namespace", "other".into()),
        ("stats_interval", "5s".into()),
        ("snapshotter", "native".into()),
        ("state_dir", "/var/lib/state".into()),
        ("client_timeout", "500ms".into()),
        ("image_pull_timeout", "1h".into()),
        ("auth", [("username", "alice"), ("password", "hunter2")].into()),
        ("allow_privileged", false.into()),
        ("allow_host_network", false.into()),
        ("allow_devices", false.into()),
        ("seccomp_profile_dir", "/etc/profiles".into()),
        ("security", "default".into()),
        ("allow_caps", vec!["chown"].into()),
        ("allowed_modes", [("pid", Value::List(Vec::new()))].into()),
        ("volumes", [("enabled", false)].into()),
        ("disable_log_collection", true.into()),
        ("recover_stopped", true.into()),
        ("gc", [("container", Value::from(false)), ("dangling_containers", dangling.into())].into()),
    ]);
    let expected = PluginConfig {
        enabled: false,
        runtime: "io.containerd.kata.v2".into(),
        address: "/a/containerd.sock".into(),
        namespace: Some("other".into()),
        stats_interval: Some(Duration::from_secs(5)),
        snapshotter: "native".into(),
        state_dir: "/var/lib/state".into(),
        client_timeout: Duration::from_millis(500),
        image_pull_timeout: Duration::from_secs(3600),
        auth: Some(driver_core::Credentials::new("alice", "hunter2", "")),
        allow_privileged: false,
        allow_host_network: false,
        allow_devices: false,
        seccomp_profiles: SeccompProfiles::Beneath("/etc/profiles".into()),
        allow_caps: vec!["chown".into()],
        allowed_modes: AllowedModes { pid: Vec::new(), ..AllowedModes::default() },
        volumes: false,
        disable_log_collection: true,
        recover_stopped: true,
        keep_containers: true,
        dangling_containers: DanglingContainers {
            enabled: false,
            dry_run: true,
            period: Duration::from_secs(60),
            creation_grace: Duration::from_secs(120),
        },
        ..PluginConfig::default()
    };
    assert_eq!(through_client(&block), expected);
}

#[test]
fn strict_changes_what_is_not_said_and_nothing_else() {
    let strict = Value::from([("security", "strict")]);
    assert_eq!(through_client(&strict), PluginConfig::strict());
    let both = Value::from([("security", Value::from("strict")), ("allow_privileged", true.into())]);
    let expected = PluginConfig { allow_privileged: true, ..PluginConfig::strict() };
    assert_eq!(through_client(&both), expected);
}

#[test]
fn a_bad_value_is_refused_by_name() {
    let text =
        |key, value: &str| decode(&cty::encode(&[(key, value)].into()).unwrap()).unwrap_err().to_string();
    expect_test::expect![[
        r#"stats_interval = "soon": must be a duration above zero, such as "30s", "5m", "1h30m" or "500ms""#
    ]]
    .assert_eq(&text("stats_interval", "soon"));
    expect_test::expect![[r#"containerd_addr = "containerd.sock": must be an absolute path"#]]
        .assert_eq(&text("containerd_addr", "containerd.sock"));
    expect_test::expect![[r#"security = "high": must be "default" or "strict""#]]
        .assert_eq(&text("security", "high"));
    let volumes = Value::from([("volumes", Value::from([("selinuxlabel", "z")]))]);
    expect_test::expect![[
        r#"volumes.selinuxlabel = "z": SELinux labels are not supported yet; remove it or set """#
    ]]
    .assert_eq(&decode(&cty::encode(&volumes).unwrap()).unwrap_err().to_string());
    let dangling = |key, value: Value| {
        let block =
            Value::from([("gc", Value::from([("dangling_containers", Value::from([(key, value)]))]))]);
        decode(&cty::encode(&block).unwrap()).unwrap_err().to_string()
    };
    expect_test::expect![[r#"gc.dangling_containers.period = "0s": must be a duration above zero, such as "30s", "5m", "1h30m" or "500ms""#]]
        .assert_eq(&dangling("period", "0s".into()));
    expect_test::expect![[r#"gc.dangling_containers.creation_grace = 5: must be a duration above zero, such as "30s", "5m", "1h30m" or "500ms""#]]
        .assert_eq(&dangling("creation_grace", 5.into()));
    expect_test::expect![[r#"gc.dangling_containers.dry_run = "maybe": must be true or false"#]]
        .assert_eq(&dangling("dry_run", "maybe".into()));
    expect_test::expect![[r#"gc.dangling_containers.enabled = "no": must be true or false"#]]
        .assert_eq(&dangling("enabled", "no".into()));
}
