//! What a client makes of a job's options, decoded.

use std::collections::BTreeSet;
use std::time::Duration;

use driver_core::request::options::{
    DeviceOption, DockerMountOption, MountOption, NetworkMode, ResolverFile,
};
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::evaluate;

use super::*;
use crate::options::{Kind, Table, schema};

/// What a client makes of the body, decoded.
fn through_client(body: &Value) -> TaskOptions {
    let config = evaluate(&schema(&OPTIONS), body).unwrap();
    decode(&cty::encode(&config).unwrap()).unwrap()
}

#[test]
fn a_body_with_the_image_alone_leaves_all_else_unset() {
    let options = through_client(&[("image", "redis:7")].into());
    assert_eq!(options, TaskOptions { image: "redis:7".into(), ..TaskOptions::default() });
}

#[test]
fn every_option_arrives() {
    let body = Value::from([
        ("image", Value::from("redis:7")),
        ("auth", [("username", "alice"), ("password", "hunter2")].into()),
        ("command", "redis-server".into()),
        ("args", Value::List(vec!["--port".into(), 6379.into()])),
        ("entrypoint", "/init".into()),
        ("cwd", "/data".into()),
        ("host_network", true.into()),
        ("image_pull_timeout", "1h30m".into()),
        ("hostname", "db-1".into()),
        ("host_dns", false.into()),
        ("extra_hosts", vec!["db:10.0.0.5"].into()),
        ("privileged", true.into()),
        ("cap_add", vec!["net_admin"].into()),
        ("cap_drop", vec!["all"].into()),
        ("pid_mode", "host".into()),
        ("ipc_mode", "host".into()),
        ("uts_mode", "private".into()),
        ("userns", "host".into()),
        ("readonly_rootfs", true.into()),
        ("sysctl", Value::List(vec![[("net.core.somaxconn", Value::from(16384))].into()])),
        ("shm_size", 67_108_864.into()),
        ("seccomp", true.into()),
        ("seccomp_profile", "/etc/seccomp.json".into()),
        ("pids_limit", 100.into()),
        ("file_limit", 4096.into()),
        ("cpuset_cpus", "0-1".into()),
        ("cpuset_mems", 0.into()),
    ]);
    let expected = TaskOptions {
        image: "redis:7".into(),
        auth: Some(driver_core::Credentials::new("alice", "hunter2", "")),
        command: Some("redis-server".into()),
        args: vec!["--port".into(), "6379".into()],
        entrypoint: vec!["/init".into()],
        cwd: Some("/data".into()),
        host_network: true,
        network_mode: NetworkMode::Unset,
        image_pull_timeout: Some(Duration::from_secs(5400)),
        hostname: "db-1".into(),
        host_dns: ResolverFile::Image,
        extra_hosts: vec!["db:10.0.0.5".into()],
        privileged: true,
        cap_add: vec!["net_admin".into()],
        cap_drop: vec!["all".into()],
        pid_mode: "host".into(),
        ipc_mode: "host".into(),
        uts_mode: "private".into(),
        userns_mode: "host".into(),
        readonly_rootfs: true,
        sysctl: [("net.core.somaxconn".into(), "16384".into())].into(),
        shm_size: "67108864".into(),
        seccomp: Some(true),
        seccomp_profile: "/etc/seccomp.json".into(),
        pids_limit: 100,
        file_limit: 4096,
        cpuset_cpus: "0-1".into(),
        cpuset_mems: "0".into(),
        devices: Vec::new(),
        mounts: Vec::new(),
    };
    assert_eq!(through_client(&body), expected);
}

#[test]
fn devices_and_mounts_arrive_in_every_shape() {
    let body = Value::from([
        ("image", Value::from("redis:7")),
        ("devices", Value::List(vec!["/dev/fuse".into(), [("host_path", "/dev/kmsg")].into()])),
        (
            "mounts",
            Value::List(vec![
                Value::from([
                    ("source", Value::from("local/conf")),
                    ("target", "/conf".into()),
                    ("options", vec!["rbind", "ro"].into()),
                ]),
                Value::from([
                    ("type", Value::from("tmpfs")),
                    ("target", "/scratch".into()),
                    ("tmpfs_options", [("size", Value::from(1024)), ("mode", 448.into())].into()),
                ]),
            ]),
        ),
    ]);
    let expected = TaskOptions {
        image: "redis:7".into(),
        devices: vec![
            DeviceOption::Text("/dev/fuse".into()),
            DeviceOption::Parts {
                host_path: "/dev/kmsg".into(),
                container_path: String::new(),
                cgroup_permissions: String::new(),
            },
        ],
        mounts: vec![
            MountOption {
                kind: "volume".into(),
                source: "local/conf".into(),
                target: "/conf".into(),
                options: vec!["rbind".into(), "ro".into()],
                docker: None,
            },
            MountOption {
                kind: "tmpfs".into(),
                target: "/scratch".into(),
                docker: Some(DockerMountOption {
                    tmpfs_size: "1024".into(),
                    tmpfs_mode: 448,
                    ..DockerMountOption::default()
                }),
                ..MountOption::default()
            },
        ],
        ..TaskOptions::default()
    };
    assert_eq!(through_client(&body), expected);
}

#[test]
fn a_docker_jobs_mount_needs_no_options_and_says_what_its_volume_cannot_have() {
    let with = |name: &str, volume: Value| {
        let block = Value::from([
            ("type", Value::from("bind")),
            ("source", "local".into()),
            ("target", "/a".into()),
            ("volume_options", volume),
        ]);
        Value::from([("image", Value::from("redis:7")), (name, Value::List(vec![block]))])
    };
    let bind = MountOption {
        kind: "bind".into(),
        source: "local".into(),
        target: "/a".into(),
        ..MountOption::default()
    };
    let docker = MountOption { docker: Some(DockerMountOption::default()), ..bind.clone() };
    let read = |name, volume| through_client(&with(name, volume)).mounts.remove(0);
    assert_eq!(read("mount", Value::Nil), docker);
    assert_eq!(read("mounts", Value::Nil), bind);
    assert_eq!(read("mounts", [("no_copy", true)].into()), docker);
    let refused = |volume: Value| {
        let config = evaluate(&schema(&OPTIONS), &with("mount", volume)).unwrap();
        decode(&cty::encode(&config).unwrap()).unwrap_err().to_string()
    };
    let told = [
        refused([("labels", Value::List(vec![[("a", "b")].into()]))].into()),
        refused([("driver_config", Value::from([("name", "pxd")]))].into()),
    ];
    expect_test::expect![[r#"
        mount.volume_options.labels = a list: not supported, as there is no Docker volume to label; remove it
        mount.volume_options.driver_config = a map: not supported; for a volume with a driver use Nomad's volume and volume_mount"#]].assert_eq(&told.join("\n"));
}

#[test]
fn the_working_directory_has_three_names_and_one_value() {
    let read = |entries: &[(&str, &str)]| {
        let entries = entries.iter().chain(&[("image", "redis:7")]).map(|(k, v)| (*k, Value::from(*v)));
        let body = Value::Map(entries.map(|(k, v)| (k.to_owned(), v)).collect());
        decode(&cty::encode(&body).unwrap()).map(|options| options.cwd).map_err(|error| error.to_string())
    };
    for name in ["cwd", "work_dir", "working_dir"] {
        assert_eq!(read(&[(name, "/srv")]), Ok(Some("/srv".into())));
    }
    assert_eq!(read(&[("cwd", "/a"), ("work_dir", "/a")]), Ok(Some("/a".into())));
    assert_eq!(read(&[("cwd", ""), ("work_dir", "/a")]), Ok(Some("/a".into())));
    assert_eq!(read(&[("cwd", "/a"), ("working_dir", "")]), Ok(Some("/a".into())));
    expect_test::expect![[
        r#"working_dir = "/b": cwd, work_dir and working_dir are names of one option; set only one of them"#
    ]]
    .assert_eq(&read(&[("cwd", "/a"), ("working_dir", "/b")]).unwrap_err());
}

#[test]
fn an_empty_text_is_an_option_that_is_left_out() {
    let texts = [
        "image_pull_timeout",
        "command",
        "cwd",
        "work_dir",
        "working_dir",
        "network_mode",
        "hostname",
        "pid_mode",
        "ipc_mode",
        "uts_mode",
        "userns_mode",
        "userns",
        "shm_size",
        "cpuset_cpus",
        "cpuset_mems",
        "seccomp_profile",
    ];
    let mut body = Value::from([("image", "redis:7")]).as_map().unwrap().clone();
    body.extend(texts.iter().map(|name| ((*name).to_owned(), Value::from(""))));
    let lists = ["args", "entrypoint", "extra_hosts", "cap_add", "cap_drop", "devices", "mounts", "sysctl"];
    body.extend(lists.iter().map(|name| ((*name).to_owned(), Value::List(Vec::new()))));
    let auth = Value::from([("username", ""), ("password", ""), ("server_address", "")]);
    body.insert("auth".to_owned(), auth);
    let expected = TaskOptions { image: "redis:7".into(), ..TaskOptions::default() };
    assert_eq!(through_client(&Value::Map(body)), expected);
    let known: BTreeSet<&str> = texts.into_iter().chain(lists).chain(["auth", "image", "mount"]).collect();
    for row in OPTIONS.rows() {
        let unknown: Vec<_> = row.names.iter().filter(|(name, _)| !known.contains(name)).collect();
        assert!(unknown.is_empty() || matches!(row.kind, Kind::Flag | Kind::Number), "{unknown:?}");
    }
}

#[test]
fn the_hosts_network_has_two_names_and_one_meaning() {
    let read = |entries: &[(&str, Value)]| {
        let mut body = Value::from([("image", "redis:7")]).as_map().unwrap().clone();
        body.extend(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let config = evaluate(&schema(&OPTIONS), &Value::Map(body)).unwrap();
        let decoded = decode(&cty::encode(&config).unwrap());
        decoded.map(|options| (options.host_network, options.network_mode)).map_err(|error| error.to_string())
    };
    let (yes, no, host) = (Value::from(true), Value::from(false), Value::from("host"));
    assert_eq!(read(&[]), Ok((false, NetworkMode::Unset)));
    assert_eq!(read(&[("network_mode", host.clone())]), Ok((true, NetworkMode::Unset)));
    assert_eq!(
        read(&[("network_mode", host.clone()), ("host_network", yes)]),
        Ok((true, NetworkMode::Unset))
    );
    assert_eq!(read(&[("network_mode", "bridge".into())]), Ok((false, NetworkMode::Bridge)));
    assert_eq!(read(&[("network_mode", "none".into())]), Ok((false, NetworkMode::None)));
    let told = [
        read(&[("network_mode", host), ("host_network", no)]).unwrap_err(),
        read(&[("network_mode", "container:web".into())]).unwrap_err(),
    ];
    expect_test::expect![[r#"
        network_mode = "host": contradicts host_network = false; remove one of the two
        network_mode = "container:web": must be "host", "bridge" or "none"; other networks belong in the group's network block"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_missing_or_empty_image_is_refused() {
    expect_test::expect![[r#"image is required: set it to the name of an image, such as "redis:7""#]]
        .assert_eq(&decode(&[]).unwrap_err().to_string());
    let empty = cty::encode(&[("image", "")].into()).unwrap();
    expect_test::expect![[r#"image = "": must be a string that is not empty"#]]
        .assert_eq(&decode(&empty).unwrap_err().to_string());
}

#[test]
fn what_a_block_must_have_is_asked_for_with_the_name_of_the_block_in_front() {
    let decoded = |name: &str, value: Value| {
        let body = Value::from([("image", Value::from("redis:7")), (name, value)]);
        decode(&cty::encode(&body).unwrap()).unwrap_err().to_string()
    };
    let told = [
        decoded("mount", [("source", "local")].into()),
        decoded("devices", Value::List(vec!["/dev/fuse".into(), [("container_path", "/dev/kmsg")].into()])),
    ];
    expect_test::expect![[r#"
        mount.target is required: set it to an absolute path in the container
        devices.host_path is required: set it to a device on the host, such as "/dev/fuse""#]]
    .assert_eq(&told.join("\n"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = decode(&bytes);
    }
}
