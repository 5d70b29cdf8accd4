//! Gates that are closed one by one on a node that is otherwise as by default.

use std::fs;

use e2e::world::Setup;
use e2e::{TaskSetup, World, host, test_with};
use nomad_proto::cty::Value;
use nomad_proto::pb::driver::{Device, PortMapping};

use super::{bind, refusal};

/// What each gate is about, refused with the gate's name.
async fn closed(world: &World, gate: &str, cases: Vec<(&str, Value)>) {
    for (option, value) in cases {
        let shown = format!("{option} = {value:?}");
        let text = refusal(world.task("web").shell("true").option(option, value)).await;
        assert!(text.contains(gate), "{shown}: {text}");
    }
}

fn with_a_port_of_the_host(setup: TaskSetup) -> TaskSetup {
    setup.change(|config| {
        let port = PortMapping { label: "http".into(), value: 23_456, to: 0, host_ip: "127.0.0.1".into() };
        config.resources.as_mut().unwrap().ports.push(port);
    })
}

fn loops(options: &[(&str, &str)]) -> Value {
    let block: Vec<_> =
        options.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    Value::List(vec![Value::Map(block.into_iter().collect())])
}

#[test]
fn a_node_without_the_hosts_network_gives_it_to_nobody_and_everything_else_as_ever() {
    test_with(Setup::config("allow_host_network", false), async |world| {
        let cases = vec![
            ("host_network", Value::from(true)),
            ("network_mode", "host".into()),
            ("network_mode", "HOST".into()),
        ];
        closed(world, "host", cases).await;
        let text = refusal(with_a_port_of_the_host(world.task("web").shell("true"))).await;
        assert!(text.contains("allow_host_network"), "{text}");
        let task = world.task("web").shell("sleep 1000").option("devices", vec!["/dev/fuse"]);
        let task = task.option("pid_mode", "host").start().await;
        assert_ne!(
            host::namespace_of(task.pid().await, "net"),
            host::namespace_of(std::process::id(), "net")
        );
        // Nothing that listens on the host's loopback answers in a namespace of the task's own.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_ne!(task.run(&format!("nc -w 2 127.0.0.1 {port} < /dev/null")).await.exit.code, 0);
        assert_ne!(task.run("nsenter -t 1 -n true").await.exit.code, 0);
    });
}

#[test]
fn a_node_without_devices_gives_none_but_those_of_device_plugins_and_everything_else_as_ever() {
    test_with(Setup::config("allow_devices", false), async |world| {
        let cases = vec![
            ("devices", Value::from(vec!["/dev/loop-control"])),
            ("devices", vec!["/dev/null"].into()),
            ("devices", vec!["/dev"].into()),
            ("devices", vec!["vendor.com/class=name"].into()),
            ("devices", loops(&[("host_path", "/dev/loop-control")])),
            ("devices", loops(&[("host_path", "/dev/fuse"), ("cgroup_permissions", "r")])),
        ];
        closed(world, "allow_devices", cases).await;
        let fuse = Device {
            host_path: "/dev/fuse".into(),
            task_path: "/dev/fuse".into(),
            cgroup_permissions: "rwm".into(),
        };
        // A node by another way cannot be opened: a mount of it, or one that the task makes.
        let mounts = vec![
            bind("/dev/loop-control", "/dev/loops", &["bind", "rw"]),
            bind("/dev", "/of-host", &["rbind", "rw"]),
        ];
        let setup =
            world.task("web").shell("sleep 1000").option("host_network", true).with(|task| task.device(fuse));
        let task = setup.option("mounts", Value::List(mounts)).start().await;
        task.read(": < /dev/fuse").await;
        for attempt in [
            ": < /dev/loops",
            ": < /of-host/loop-control",
            "mknod /tmp/loops c 10 237 && : < /tmp/loops",
            "mknod /tmp/disk b 7 0 && : < /tmp/disk",
            "ls /sys/fs/cgroup/devices && echo a > /sys/fs/cgroup/devices/devices.allow",
        ] {
            assert_ne!(task.run(attempt).await.exit.code, 0, "{attempt}");
        }
        assert_eq!(
            host::namespace_of(task.pid().await, "net"),
            host::namespace_of(std::process::id(), "net")
        );
    });
}

#[test]
fn every_other_gate_closes_alone() {
    let modes = |name: &str| Value::from([(name, Vec::<&str>::new())]);
    let profile = tempfile::tempdir().unwrap();
    fs::write(profile.path().join("p.json"), r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
    let caps = Value::from(vec!["CHOWN"]);
    let gates = [
        ("allow_privileged", Value::from(false), "allow_privileged", ("privileged", Value::from(true))),
        ("allow_caps", caps, "allow_caps", ("cap_add", vec!["sys_admin"].into())),
        ("allowed_modes", modes("pid"), "allowed_modes.pid", ("pid_mode", "host".into())),
        ("allowed_modes", modes("ipc"), "allowed_modes.ipc", ("ipc_mode", "host".into())),
        ("allowed_modes", modes("uts"), "allowed_modes.uts", ("uts_mode", "host".into())),
        (
            "volumes",
            [("enabled", false)].into(),
            "volumes.enabled",
            ("mounts", Value::List(vec![bind("/etc", "/x", &["rbind"])])),
        ),
    ];
    for (gate, value, told, (option, wish)) in gates {
        test_with(Setup::config(gate, value), async |world| {
            closed(world, told, vec![(option, wish.clone())]).await;
            let task = world.task("web").shell("sleep 1000").option("host_network", true);
            let task = task.option("devices", vec!["/dev/fuse"]).start().await;
            task.read(": < /dev/fuse").await;
        });
    }
    let directory = profile.path().display().to_string();
    test_with(Setup::config("seccomp_profile_dir", directory.as_str()), async |world| {
        let profiled = |name: &str, path: &str| {
            world.task(name).shell("true").option("seccomp", true).option("seccomp_profile", path)
        };
        profiled("web", &format!("{directory}/p.json")).start().await;
        assert!(refusal(profiled("none", "/etc/passwd")).await.contains("only profiles in"));
    });
}

#[test]
fn every_gate_of_strict_opens_alone() {
    let host = |name: &str| Value::from([(name, vec!["host"])]);
    let gates = [
        ("allow_privileged", Value::from(true), ("privileged", Value::from(true))),
        ("allow_host_network", true.into(), ("host_network", true.into())),
        ("allow_devices", true.into(), ("devices", vec!["/dev/fuse"].into())),
        ("allow_caps", vec!["all"].into(), ("cap_add", vec!["net_admin"].into())),
        ("allowed_modes", host("pid"), ("pid_mode", "host".into())),
        ("allowed_modes", host("ipc"), ("ipc_mode", "host".into())),
        ("allowed_modes", host("uts"), ("uts_mode", "host".into())),
        (
            "volumes",
            [("enabled", true)].into(),
            ("mounts", Value::List(vec![bind("/etc", "/x", &["rbind", "ro"])])),
        ),
    ];
    for (place, (gate, value, (option, wish))) in gates.iter().enumerate() {
        let setup = Setup::config("security", "strict").and(gate, value.clone());
        test_with(setup, async |world| {
            world.task("web").shell("true").option(option, wish.clone()).start().await;
            for (other, (gate_of_other, _, (option, wish))) in gates.iter().enumerate() {
                if other != place && gate_of_other != gate {
                    refusal(world.task("none").shell("true").option(option, wish.clone())).await;
                }
            }
        });
    }
}
