//! Whole messages, as clients send them.

use nomad_proto::cty;
use nomad_proto::pb::base::ClientTopologyCore;

use super::*;

/// The least that a client sends.
fn task() -> pb::TaskConfig {
    pb::TaskConfig {
        id: "alloc/web/1".into(),
        name: "web".into(),
        alloc_dir: "/data/alloc/a".into(),
        msgpack_driver_config: cty::encode(&[("image", "redis:7")].into()).unwrap(),
        ..Default::default()
    }
}

#[test]
fn the_least_that_a_client_sends_is_a_task() {
    let spec = task_spec(task()).unwrap();
    assert_eq!((spec.id.as_str(), spec.options.image.as_str()), ("alloc/web/1", "redis:7"));
    assert_eq!((spec.network, spec.resources), (GroupNetwork::Unspecified, Resources::default()));
    let path = PathBuf::from;
    let expected = TaskDirs {
        alloc_root: path("/data/alloc/a"),
        shared: path("/data/alloc/a/alloc"),
        local: path("/data/alloc/a/web/local"),
        secrets: path("/data/alloc/a/web/secrets"),
    };
    assert_eq!(spec.dirs, expected);
}

/// All that a client may send, apart from a network.
fn full_task() -> pb::TaskConfig {
    let mut wire = task();
    wire.env = [("A".to_owned(), "own".to_owned())].into();
    wire.device_env = [("A", "device"), ("GPU", "0")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    (wire.user, wire.alloc_id, wire.task_group_name) = ("1000:1000".into(), "a".into(), "cache".into());
    (wire.job_id, wire.job_name, wire.namespace) = ("redis/1".into(), "redis".into(), "default".into());
    (wire.node_id, wire.node_name) = ("n".into(), "host".into());
    (wire.stdout_path, wire.stderr_path) = ("/logs/o".into(), "/logs/e".into());
    wire.mounts = vec![pb::Mount {
        task_path: "/data".into(),
        host_path: "/srv".into(),
        readonly: true,
        propagation_mode: "host-to-task".into(),
        ..Default::default()
    }];
    wire.devices = vec![pb::Device {
        task_path: "/dev/x".into(),
        host_path: "/dev/null".into(),
        cgroup_permissions: "rw".into(),
    }];
    wire.resources = Some(pb::Resources {
        allocated_resources: Some(pb::AllocatedTaskResources {
            cpu: Some(pb::AllocatedCpuResources { cpu_shares: 500 }),
            memory: Some(pb::AllocatedMemoryResources { memory_mb: 256, memory_max_mb: -1 }),
            networks: Vec::new(),
        }),
        linux_resources: Some(pb::LinuxResources {
            cpuset_cpus: "0-1".into(),
            cpuset_cgroup: "/sys/fs/cgroup/x".into(),
            percent_ticks: 0.25,
            ..Default::default()
        }),
        ports: Vec::new(),
    });
    wire.dns = Some(pb::DnsConfig {
        servers: vec!["1.1.1.1".into()],
        searches: vec!["example.org".into()],
        options: vec!["ndots:2".into()],
    });
    wire
}

#[test]
fn every_part_of_a_task_arrives() {
    let TaskSpec { id, identity, options, env, user, resources, mounts, devices, dirs, logs, network, dns } =
        task_spec(full_task()).unwrap();
    assert_eq!((id.as_str(), options.image.as_str(), user.as_str()), ("alloc/web/1", "redis:7", "1000:1000"));
    assert_eq!((dirs, network), (task_spec(task()).unwrap().dirs, GroupNetwork::Unspecified));
    let parts = [
        format!("{identity:?}"),
        format!("{:?}", env.0),
        format!("{resources:?}"),
        format!("{mounts:?}"),
        format!("{devices:?}"),
        format!("{logs:?}"),
        format!("{dns:?}"),
    ];
    expect_test::expect![[r#"
        Identity { alloc_id: "a", task: "web", group: "cache", job_id: "redis/1", job_name: "redis", namespace: "default", node_id: "n", node_name: "host" }
        {"A": "own", "GPU": "0"}
        Resources { cpu_mhz: 500, cpuset_cpus: "0-1", percent_ticks: 0.25, memory_mb: 256, memory_max_mb: -1, cpuset_cgroup: "/sys/fs/cgroup/x" }
        [VolumeMount { host_path: "/srv", task_path: "/data", readonly: true, propagation: HostToTask }]
        [HostDevice { host_path: "/dev/null", task_path: "/dev/x", permissions: "rw" }]
        LogPaths { stdout: "/logs/o", stderr: "/logs/e" }
        Dns { servers: ["1.1.1.1"], searches: ["example.org"], options: ["ndots:2"] }"#]].assert_eq(&parts.join("\n"));
}

#[test]
fn a_namespace_of_the_client_is_joined() {
    let isolation = |mode, path: &str| {
        let hosts_config = Some(pb::HostsConfig { hostname: "h".into(), address: "10.0.0.2".into() });
        pb::NetworkIsolationSpec { mode, path: path.to_owned(), hosts_config, ..Default::default() }
    };
    let namespace = GroupNetwork::Namespace {
        path: "/run/netns/a".into(),
        hostname: "h".to_owned(),
        address: "10.0.0.2".to_owned(),
    };
    for mode in 0..4 {
        assert_eq!(group_network(Some(&isolation(mode, "/run/netns/a")), None), namespace);
        assert_eq!(group_network(Some(&isolation(mode, "")), None), GroupNetwork::Unspecified);
    }
}

#[test]
fn allocated_ports_tell_host_mode_from_no_network() {
    let of_group = pb::Resources { ports: vec![pb::PortMapping::default()], ..Default::default() };
    assert_eq!(group_network(None, Some(&of_group)), GroupNetwork::HostPorts);
    let network =
        pb::NetworkResource { dynamic_ports: vec![pb::NetworkPort::default()], ..Default::default() };
    let mut of_task = pb::Resources {
        allocated_resources: Some(pb::AllocatedTaskResources {
            networks: vec![network],
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(group_network(None, Some(&of_task)), GroupNetwork::HostPorts);
    of_task.allocated_resources = None;
    assert_eq!(group_network(None, Some(&of_task)), GroupNetwork::Unspecified);
}

#[test]
fn what_has_no_meaning_is_refused_by_its_field() {
    let text = |change: fn(&mut pb::TaskConfig)| {
        let mut wire = task();
        change(&mut wire);
        task_spec(wire).unwrap_err().to_string()
    };
    let texts = [
        text(|task| task.id.clear()),
        text(|task| task.name = "../web".into()),
        text(|task| task.name = "web/".into()),
        text(|task| task.name = "..".into()),
        text(|task| task.alloc_dir = "alloc".into()),
        text(|task| task.mounts.push(pb::Mount { propagation_mode: "shared".into(), ..Default::default() })),
        text(|task| task.msgpack_driver_config.clear()),
    ];
    expect_test::expect![[r#"
        [
            "the client sent no task id",
            "the client sent task name = \"../web\": a task's name must be usable as the name of a directory",
            "the client sent task name = \"web/\": a task's name must be usable as the name of a directory",
            "the client sent task name = \"..\": a task's name must be usable as the name of a directory",
            "the client sent alloc_dir = \"alloc\": the allocation's directory must be an absolute path",
            "the client sent propagation_mode = \"shared\": private, host-to-task or bidirectional is accepted",
            "image is required: set it to the name of an image, such as \"redis:7\"",
        ]
    "#]]
    .assert_debug_eq(&texts);
}

#[test]
fn absent_and_negative_durations_are_zero() {
    let of = |seconds, nanos| duration(Some(prost_types::Duration { seconds, nanos }));
    assert_eq!(duration(None), Duration::ZERO);
    assert_eq!(of(-1, 0), Duration::ZERO);
    assert_eq!(of(2, 500_000_000), Duration::from_millis(2500));
}

#[test]
fn the_nodes_cpus_are_counted_as_the_client_does() {
    let core = |base_speed, max_speed, guess_speed| ClientTopologyCore {
        base_speed,
        max_speed,
        guess_speed,
        ..Default::default()
    };
    let mut topology = ClientTopology {
        cores: vec![core(2000, 3000, 0), core(0, 3000, 1000), core(0, 0, 1000), core(0, 0, 0)],
        ..Default::default()
    };
    assert_eq!(node_cpu(&topology), NodeCpu { core_mhz: 1500.0, total_mhz: 6000 });
    topology.override_total_compute = 4000;
    assert_eq!(node_cpu(&topology), NodeCpu { core_mhz: 1000.0, total_mhz: 4000 });
    assert_eq!(node_cpu(&ClientTopology::default()), NodeCpu::default());
}
