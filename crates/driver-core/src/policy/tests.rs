//! What is refused, and with which words.

use super::*;
use crate::testing::spec;

fn refusal(change: impl FnOnce(&mut TaskSpec)) -> String {
    let mut spec = spec("web");
    change(&mut spec);
    let config = PluginConfig::default();
    let host = Host { bounding: CapabilitySet::ALL, open_files: 1000 };
    check(&spec, Rules { config: &config, host })
        .map_or_else(|refusal| refusal.to_string(), |_| "accepted".to_owned())
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
    assert_eq!(text, r#"volume_mount.destination = "/data/../etc": an absolute path without .. is accepted"#);
}

#[test]
fn privileged_is_refused_where_the_operator_forbids_it() {
    let mut spec = spec("web");
    spec.options.privileged = true;
    let config = PluginConfig { allow_privileged: false, ..PluginConfig::default() };
    let rules = Rules { config: &config, host: Host { bounding: CapabilitySet::ALL, open_files: 1000 } };
    expect_test::expect![[r#"privileged = "true": Running privileged jobs are not allowed on this node; leave privileged out, or have its operator set allow_privileged = true"#]]
    .assert_eq(&check(&spec, rules).unwrap_err().to_string());
    assert_eq!(refusal(|spec| spec.options.privileged = true), "accepted");
}

#[test]
fn a_capability_that_the_host_does_not_have_can_not_be_named_but_privileged_does_without() {
    let bounding = CapabilitySet::DEFAULT;
    let config = PluginConfig::default();
    let rules = Rules { config: &config, host: Host { bounding, open_files: 1000 } };
    let mut spec = spec("web");
    spec.options.privileged = true;
    assert_eq!(check(&spec, rules).unwrap().capabilities, bounding);
    spec.options.cap_add = vec!["sys_admin".into()];
    expect_test::expect![
        "cap_add: this host can not give CAP_SYS_ADMIN (accepted: what is in its bounding set)"
    ]
    .assert_eq(&check(&spec, rules).unwrap_err().to_string());
}

#[test]
fn values_that_are_none_are_told_with_what_is_accepted() {
    let told = [
        refusal(|spec| spec.options.cap_drop = vec!["everything".into()]),
        refusal(|spec| spec.options.pid_mode = "container".into()),
        refusal(|spec| spec.options.shm_size = "0".into()),
        refusal(|spec| spec.options.shm_size = "big".into()),
        refusal(|spec| spec.options.file_limit = 1001),
        refusal(|spec| spec.options.file_limit = -1),
        refusal(|spec| spec.options.hostname = "a b".into()),
        refusal(|spec| {
            spec.options.cpuset_cpus = "0".into();
            spec.resources.cpuset_cpus = "2,3".into();
        }),
    ];
    expect_test::expect![[r#"
        cap_drop: "everything" is not a capability (accepted: "all", or a name such as NET_ADMIN in any case, with or without CAP_)
        pid_mode: "container" is not a mode (accepted: "host", or leave it out for a namespace of its own)
        shm_size = "0": a size of 1 byte and more, such as 128M, is accepted
        shm_size: "big" is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)
        file_limit = "1001": 1 to 1000 is accepted, which is all that this host gives
        file_limit = "-1": 1 to 1000 is accepted, which is all that this host gives
        hostname = "a b": 1 to 64 bytes of letters, digits, '-', '_' and '.' are accepted
        cpuset_cpus = "0": Nomad has reserved cores 2,3 for the task; leave out cpuset_cpus, or cores in its resources"#]].assert_eq(&told.join("\n"));
}
