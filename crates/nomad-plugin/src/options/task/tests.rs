//! What a client makes of a job's options, decoded.

use std::collections::BTreeSet;
use std::time::Duration;

use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::evaluate;

use super::*;
use crate::options::schema;

/// What a client makes of the body, decoded.
fn through_client(body: &Value) -> TaskOptions {
    let config = evaluate(&schema(OPTIONS), body).unwrap();
    decode(&cty::encode(&config).unwrap()).unwrap()
}

#[test]
fn the_schema_and_the_decoder_know_the_same_options() {
    let mut reader = Reader::new(&cty::encode(&[("image", "a")].into()).unwrap()).unwrap();
    read(&mut reader).unwrap();
    let table: BTreeSet<&str> = OPTIONS.iter().map(|entry| entry.name).collect();
    assert_eq!(*reader.asked(), table);
    assert_eq!(OPTIONS.len(), table.len());
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
        ("readonly_rootfs", true.into()),
        ("sysctl", Value::List(vec![[("net.core.somaxconn", Value::from(16384))].into()])),
        ("shm_size", 67_108_864.into()),
        ("pids_limit", 100.into()),
        ("file_limit", 4096.into()),
        ("cpuset_cpus", "0-1".into()),
        ("cpuset_mems", 0.into()),
    ]);
    let expected = TaskOptions {
        image: "redis:7".into(),
        command: Some("redis-server".into()),
        args: vec!["--port".into(), "6379".into()],
        entrypoint: vec!["/init".into()],
        cwd: Some("/data".into()),
        host_network: true,
        image_pull_timeout: Some(Duration::from_secs(5400)),
        hostname: "db-1".into(),
        host_dns: ResolverFile::Image,
        extra_hosts: vec!["db:10.0.0.5".into()],
        privileged: true,
        cap_add: vec!["net_admin".into()],
        cap_drop: vec!["all".into()],
        pid_mode: "host".into(),
        readonly_rootfs: true,
        sysctl: [("net.core.somaxconn".into(), "16384".into())].into(),
        shm_size: "67108864".into(),
        pids_limit: 100,
        file_limit: 4096,
        cpuset_cpus: "0-1".into(),
        cpuset_mems: "0".into(),
    };
    assert_eq!(through_client(&body), expected);
}

#[test]
fn a_missing_or_empty_image_is_refused() {
    expect_test::expect![[r#"image is required: the name of an image, such as "redis:7""#]]
        .assert_eq(&decode(&[]).unwrap_err().to_string());
    let empty = cty::encode(&[("image", "")].into()).unwrap();
    expect_test::expect![[r#"image = "": a string that is not empty is accepted"#]]
        .assert_eq(&decode(&empty).unwrap_err().to_string());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = decode(&bytes);
    }
}
