//! hostname, extra_hosts and host_dns, read inside the container.

use e2e::test;
use nomad_proto::cty::Value;

#[test]
fn the_hostname_is_the_jobs_and_resolves() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("hostname", "db-1.local").start().await;
        assert_eq!(task.read("hostname; hostname -i").await, "db-1.local\n127.0.0.1\n");
        assert_eq!(task.read("echo $HOSTNAME").await, "db-1.local\n");
        let text = world.task("bad").shell("true").option("hostname", "a b").refusal().await;
        assert!(text.starts_with(r#"hostname = "a b": 1 to 64 bytes"#), "{text}");
    });
}

#[test]
fn extra_hosts_follow_the_own_lines() {
    test(async |world| {
        let hosts = || Value::from(vec!["db:10.1.2.3", "six:2001:db8::7"]);
        let own = world.task("own").shell("sleep 1000").option("extra_hosts", hosts()).start().await;
        let text = own.read("cat /etc/hosts").await;
        assert!(text.starts_with("127.0.0.1\tlocalhost\n"), "{text}");
        assert!(text.ends_with("10.1.2.3\tdb\n2001:db8::7\tsix\n"), "{text}");
        let setup = world.task("host").shell("sleep 1000").option("host_network", true);
        let host = setup.option("extra_hosts", hosts()).start().await;
        let text = host.read("cat /etc/hosts").await;
        let of_host = std::fs::read_to_string("/etc/hosts").unwrap();
        assert!(text.starts_with(of_host.trim_end()), "{text}");
        assert!(text.ends_with("10.1.2.3\tdb\n2001:db8::7\tsix\n"), "{text}");
        assert_eq!(std::fs::read_to_string("/etc/hosts").unwrap(), of_host);
        let setup = world.task("bad").shell("true").option("extra_hosts", vec!["db"]);
        assert!(setup.refusal().await.starts_with(r#"extra_hosts = "db": a name and"#));
    });
}

#[test]
fn the_hosts_network_can_be_asked_for_by_dockers_name() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("network_mode", "host").start().await;
        let of_host = std::fs::read_link("/proc/self/ns/net").unwrap();
        assert_eq!(task.read("readlink /proc/self/ns/net").await.trim(), of_host.to_str().unwrap());
        let text = world.task("bad").shell("true").option("network_mode", "bridge").refusal().await;
        assert!(
            text.starts_with(r#"network_mode = "bridge": this mode is accepted in a group with"#),
            "{text}"
        );
        let text = world.task("other").shell("true").option("network_mode", "container:web").refusal().await;
        assert!(
            text.starts_with(r#"network_mode = "container:web": must be "host", "bridge" or "none""#),
            "{text}"
        );
        let task = world.task("none").shell("sleep 1000").option("network_mode", "none").start().await;
        assert_eq!(task.read("ls /sys/class/net").await, "lo\n");
    });
}

#[test]
fn without_host_dns_the_images_resolver_file_stays() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("host_dns", false).start().await;
        assert!(!task.read("cat /proc/mounts").await.contains("/etc/resolv.conf"));
        let task = world.task("usual").shell("sleep 1000").start().await;
        assert!(task.read("cat /proc/mounts").await.contains(" /etc/resolv.conf "));
    });
}
