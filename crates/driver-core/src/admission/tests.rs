//! What is refused, and with which words.

use super::*;
use crate::node::host::Host;
use crate::request::config::PluginConfig;
use crate::testing::spec;

const HOST: Host = Host {
    bounding: CapabilitySet::ALL,
    open_files: 1000,
    kernel: oci_builder::seccomp::KernelVersion { major: 6, minor: 1 },
};

fn refusal(change: impl FnOnce(&mut TaskSpec)) -> String {
    let mut spec = spec("web");
    change(&mut spec);
    let config = PluginConfig::default();
    check(&spec, Rules { config: &config, host: HOST, allow_caps: CapabilitySet::ALL })
        .map_or_else(|refusal| refusal.to_string(), |_| "accepted".to_owned())
}

#[test]
fn a_plain_task_is_accepted() {
    assert_eq!(refusal(|_| {}), "accepted");
    assert_eq!(refusal(|spec| spec.options.userns_mode = "host".into()), "accepted");
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
        spec.mounts.push(crate::request::task::VolumeMount {
            host_path: "/srv".into(),
            task_path: "/data/../etc".into(),
            readonly: false,
            propagation: crate::request::task::Propagation::Private,
        });
    });
    assert_eq!(text, r#"volume_mount.destination = "/data/../etc": an absolute path without .. is accepted"#);
}

#[test]
fn privileged_is_refused_where_the_operator_forbids_it() {
    let mut spec = spec("web");
    spec.options.privileged = true;
    let config = PluginConfig { allow_privileged: false, ..PluginConfig::default() };
    let rules = Rules { config: &config, host: HOST, allow_caps: CapabilitySet::ALL };
    expect_test::expect![[r#"privileged = "true": Running privileged jobs are not allowed on this node; leave privileged out, or have its operator set allow_privileged = true"#]]
    .assert_eq(&check(&spec, rules).unwrap_err().to_string());
    assert_eq!(refusal(|spec| spec.options.privileged = true), "accepted");
}

#[test]
fn a_capability_that_the_host_does_not_have_can_not_be_named_but_privileged_does_without() {
    let bounding = CapabilitySet::DEFAULT;
    let config = PluginConfig::default();
    let rules = Rules { config: &config, host: Host { bounding, ..HOST }, allow_caps: CapabilitySet::ALL };
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
        refusal(|spec| spec.options.userns_mode = "keep-id".into()),
        refusal(|spec| spec.options.shm_size = "big".into()),
        refusal(|spec| spec.options.file_limit = 1001),
        refusal(|spec| spec.options.hostname = "a b".into()),
        refusal(|spec| {
            spec.options.cpuset_cpus = "0".into();
            spec.resources.cpuset_cpus = "2,3".into();
        }),
    ];
    expect_test::expect![[r#"
        cap_drop: "everything" is not a capability (accepted: "all", or a name such as NET_ADMIN in any case, with or without CAP_)
        pid_mode: "container" is not a mode (accepted: "host", or "private" for a namespace of its own, as where it is left out)
        userns_mode = "keep-id": "host" is accepted, or leave it out: there are no user namespaces of tasks' own yet
        shm_size: "big" is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)
        file_limit = "1001": 1 to 1000 is accepted, which is all that this host gives
        hostname = "a b": 1 to 64 bytes of letters, digits, '-', '_' and '.' are accepted
        cpuset_cpus = "0": Nomad has reserved cores 2,3 for the task; remove cpuset_cpus, or cores from its resources"#]].assert_eq(&told.join("\n"));
}

#[test]
fn what_the_go_driver_passes_over_is_unset() {
    let mut task = spec("web");
    task.options.file_limit = -1;
    task.options.pids_limit = -1;
    let config = PluginConfig::default();
    let rules = Rules { config: &config, host: HOST, allow_caps: CapabilitySet::ALL };
    assert!(check(&task, rules).unwrap().rlimits.is_empty());
    task.options.shm_size = "0".into();
    assert_eq!(check(&task, rules).unwrap().shm_size_bytes, 0);
}

#[test]
fn a_network_mode_is_accepted_where_the_group_has_that_network_anyway() {
    let with = |mode, network: GroupNetwork, host_network| {
        refusal(|spec| {
            spec.options.network_mode = mode;
            spec.options.host_network = host_network;
            spec.network = network;
        })
    };
    let of_group = || GroupNetwork::Namespace {
        path: "/run/netns/x".into(),
        hostname: String::new(),
        address: String::new(),
    };
    assert_eq!(with(NetworkMode::Bridge, of_group(), false), "accepted");
    assert_eq!(with(NetworkMode::None, GroupNetwork::Unspecified, false), "accepted");
    let told = [
        with(NetworkMode::Bridge, GroupNetwork::Unspecified, false),
        with(NetworkMode::Bridge, GroupNetwork::HostPorts, false),
        with(NetworkMode::Bridge, of_group(), true),
        with(NetworkMode::None, GroupNetwork::Unspecified, true),
        with(NetworkMode::None, GroupNetwork::HostPorts, false),
        with(NetworkMode::None, of_group(), false),
    ];
    expect_test::expect![[r#"
        network_mode = "bridge": this mode is accepted in a group with a network of its own; give it network { mode = "bridge" }
        network_mode = "bridge": this mode is accepted in a group with a network of its own; give it network { mode = "bridge" }
        host_network = "true": the group has a network namespace of its own (bridge, cni or none mode); leave host_network out, or use network mode "host"
        network_mode = "none": host_network = true says otherwise; leave one of the two out
        network_mode = "none": this mode is accepted in a group without ports; these are the host's
        network_mode = "none": this mode is accepted in a group without a network of its own; leave it out, as the task is in the group's, whose block can say mode = "none""#]].assert_eq(&told.join("\n"));
}

fn held(config: &PluginConfig, change: impl FnOnce(&mut TaskSpec)) -> Result<Grant, Refusal> {
    let mut spec = spec("web");
    change(&mut spec);
    let allow_caps = CapabilitySet::from_names("allow_caps", &config.allow_caps).unwrap();
    check(&spec, Rules { config, host: HOST, allow_caps })
}

#[test]
fn strict_filters_system_calls_and_takes_raw_sockets_away() {
    let strict = PluginConfig::strict();
    let grant = held(&strict, |_| {}).unwrap();
    assert_eq!(grant.filter, Filter::Shipped);
    assert_eq!(CapabilitySet::DEFAULT.difference(grant.capabilities).to_string(), "CAP_NET_RAW");
    let off = held(&strict, |spec| spec.options.seccomp = Some(false)).unwrap();
    assert_eq!(off.filter, Filter::Off);
    assert_eq!(held(&PluginConfig::default(), |_| {}).unwrap().filter, Filter::Off);
}

#[test]
fn strict_refuses_what_reaches_the_host() {
    let strict = PluginConfig::strict();
    let told = |change: fn(&mut TaskSpec)| held(&strict, change).unwrap_err().to_string();
    let mount = |spec: &mut TaskSpec| {
        spec.options.mounts.push(crate::request::options::MountOption {
            source: "/srv".into(),
            target: "/srv".into(),
            options: vec!["rbind".into()],
            ..Default::default()
        });
    };
    let told = [
        told(|spec| spec.options.privileged = true),
        told(|spec| spec.options.pid_mode = "host".into()),
        told(|spec| spec.options.userns_mode = "Host".into()),
        told(|spec| spec.options.host_network = true),
        told(|spec| spec.options.cap_add = vec!["net_raw".into(), "chown".into()]),
        told(|spec| {
            spec.options.devices = vec![crate::request::options::DeviceOption::Text("/dev/sda".into())]
        }),
        told(|spec| {
            spec.options.devices = vec![crate::request::options::DeviceOption::Text("v.com/c=a".into())]
        }),
        told(mount),
    ];
    expect_test::expect![[r#"
        privileged = "true": Running privileged jobs are not allowed on this node; leave privileged out, or have its operator set allow_privileged = true
        pid_mode = "host": the operator's allowed_modes.pid does not have this mode; leave pid_mode out
        userns_mode = "Host": the operator's allowed_modes.userns does not have this mode; leave userns_mode out
        host_network = "true": the host's network is not allowed on this node; use network { mode = "bridge" } or no network, or have the operator set allow_host_network = true
        cap_add = "net_raw, chown": driver does not allow the following capabilities: CAP_NET_RAW (accepted: those of allow_caps, CAP_AUDIT_WRITE, CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_MKNOD, CAP_NET_BIND_SERVICE, CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_CHROOT)
        devices = "/dev/sda": devices of the host are not allowed on this node; use a Nomad device plugin, or have the operator set allow_devices = true
        devices = "v.com/c=a": devices of the host are not allowed on this node; use a Nomad device plugin, or have the operator set allow_devices = true
        mounts.source = "/srv": paths of the host are disabled on this node (volumes.enabled = false); local/, secrets/ and ../alloc/ of the allocation are accepted"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_seccomp_profile_needs_seccomp_and_an_absolute_path() {
    let told = [
        refusal(|spec| spec.options.seccomp_profile = "/etc/p.json".into()),
        refusal(|spec| {
            spec.options.seccomp = Some(true);
            spec.options.seccomp_profile = "p.json".into();
        }),
    ];
    expect_test::expect![[r#"
        seccomp_profile = "/etc/p.json": a profile needs seccomp = true beside it
        seccomp_profile = "p.json": an absolute path of the host is accepted"#]]
    .assert_eq(&told.join("\n"));
}
