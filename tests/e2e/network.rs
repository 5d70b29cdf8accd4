//! The network namespaces of tasks.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{host, test};
use nomad_host::alloc::AllocatedPort;
use nomad_proto::pb::driver::{HostsConfig, NetworkIsolationSpec, network_isolation_spec};

/// A network namespace that a client would have made, at a path of its own.
struct Namespace(PathBuf);

impl Namespace {
    fn make(path: PathBuf) -> Self {
        std::fs::write(&path, "").unwrap();
        let argument = format!("--net={}", path.display());
        assert!(Command::new("unshare").arg(argument).arg("true").status().unwrap().success());
        Self(path)
    }

    fn spec(&self) -> NetworkIsolationSpec {
        NetworkIsolationSpec {
            mode: network_isolation_spec::NetworkIsolationMode::Group.into(),
            path: self.0.display().to_string(),
            hosts_config: Some(HostsConfig { hostname: "group-host".into(), address: "172.26.64.5".into() }),
            ..NetworkIsolationSpec::default()
        }
    }
}

/// The test's clean-up finds a mount that is left, so this needs no success.
impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn host_network() -> String {
    host::namespace_of(std::process::id(), "net")
}

#[test]
fn without_a_network_a_task_has_an_empty_namespace_with_loopback_up() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        assert_ne!(host::namespace_of(task.pid().await, "net"), host_network());
        let interfaces = task.read("ls /sys/class/net").await;
        assert!(interfaces.split_whitespace().any(|name| name == "lo"), "{interfaces}");
        assert!(!interfaces.contains("eth"), "{interfaces}");
        // The client has nothing to say: what answers it must have the answer ready.
        let script = "echo pong > /tmp/pong; nc -l -p 7001 < /tmp/pong & \
            until nc 127.0.0.1 7001 </dev/null 2>/dev/null; do sleep 0.2; done";
        assert_eq!(task.read(script).await, "pong\n");
    });
}

#[test]
fn two_tasks_without_a_network_have_one_each() {
    test(async |world| {
        let one = world.task("one").shell("sleep 1000").start().await;
        let two = world.task("two").shell("sleep 1000").start().await;
        let (one, two) = (one.pid().await, two.pid().await);
        assert_ne!(host::namespace_of(one, "net"), host::namespace_of(two, "net"));
    });
}

#[test]
fn host_network_is_the_hosts() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("host_network", true).start().await;
        assert_eq!(host::namespace_of(task.pid().await, "net"), host_network());
        for kind in ["pid", "mnt", "uts", "ipc"] {
            let own = host::namespace_of(std::process::id(), kind);
            assert_ne!(host::namespace_of(task.pid().await, kind), own, "{kind}");
        }
    });
}

#[test]
fn allocated_ports_of_the_host_mean_the_hosts_network() {
    test(async |world| {
        let mut alloc = (*world.allocation()).clone();
        let (label, host_ip) = ("http".to_owned(), "127.0.0.1".to_owned());
        alloc.ports.push(AllocatedPort { label, value: 23_456, to: 0, host_ip });
        let task = world.task_in(&alloc.into(), "web").shell("echo $NOMAD_PORT_http; sleep 1000");
        let mut task = task.start().await;
        task.printed("23456\n").await;
        assert_eq!(host::namespace_of(task.pid().await, "net"), host_network());
    });
}

#[test]
fn a_task_joins_the_namespace_of_its_group() {
    test(async |world| {
        let group = Namespace::make(world.directory().join("group"));
        let (one, two) = (group.spec(), group.spec());
        let one = world.task("one").shell("sleep 1000").with(|task| task.network(one)).start().await;
        let two = world.task("two").shell("sleep 1000").with(|task| task.network(two)).start().await;
        let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap());
        for task in [&one, &two] {
            let own = PathBuf::from(format!("/proc/{}/ns/net", task.pid().await));
            assert_eq!(inode(&own), inode(&group.0));
        }
        assert_eq!(one.read("hostname").await, "group-host\n");
        let hosts = one.read("cat /etc/hosts").await;
        let line = hosts.lines().find(|line| line.contains("group-host"));
        assert!(line.is_some_and(|line| line.starts_with("172.26.64.5")), "{hosts}");
        one.destroy(true).await.unwrap();
        two.destroy(true).await.unwrap();
    });
}

#[test]
fn host_network_in_a_group_with_a_namespace_is_refused() {
    test(async |world| {
        let group = Namespace::make(world.directory().join("group"));
        let spec = group.spec();
        let setup = world.task("web").shell("true").option("host_network", true);
        let text = setup.with(|task| task.network(spec)).refusal().await;
        assert!(text.starts_with("host_network = \"true\""), "{text}");
    });
}

#[test]
fn a_namespace_that_is_gone_is_named_and_nothing_is_left() {
    test(async |world| {
        let spec = NetworkIsolationSpec {
            mode: network_isolation_spec::NetworkIsolationMode::Group.into(),
            path: "/run/netns/no-such-namespace".into(),
            ..NetworkIsolationSpec::default()
        };
        let text = world.task("web").shell("true").with(|task| task.network(spec)).refusal().await;
        assert!(text.contains("no-such-namespace"), "{text}");
        let left = e2e::leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
    });
}
