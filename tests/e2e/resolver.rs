//! resolv.conf and hosts of tasks.

use e2e::test;
use nomad_proto::pb::driver::DnsConfig;

fn dns(servers: &[&str], searches: &[&str], options: &[&str]) -> DnsConfig {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    DnsConfig { servers: texts(servers), searches: texts(searches), options: texts(options) }
}

/// The words after a keyword, of all its lines.
fn words<'a>(text: &'a str, keyword: &str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(keyword));
    lines.flat_map(str::split_whitespace).collect()
}

#[test]
fn a_dns_block_is_what_the_task_gets() {
    test(async |world| {
        let wanted = dns(&["1.1.1.1", "1.0.0.1"], &["local.test", "node.consul"], &["ndots:2", "edns0"]);
        let task = world.task("web").shell("sleep 1000").with(|task| task.dns(wanted)).start().await;
        let text = task.read("cat /etc/resolv.conf").await;
        assert_eq!(words(&text, "nameserver "), ["1.1.1.1", "1.0.0.1"]);
        assert_eq!(words(&text, "search "), ["local.test", "node.consul"]);
        assert_eq!(words(&text, "options "), ["ndots:2", "edns0"]);
    });
}

#[test]
fn what_a_dns_block_leaves_out_is_the_hosts() {
    test(async |world| {
        let wanted = dns(&[], &["only.search"], &[]);
        let task = world.task("web").shell("sleep 1000").with(|task| task.dns(wanted)).start().await;
        let text = task.read("cat /etc/resolv.conf").await;
        let of_host = std::fs::read_to_string("/etc/resolv.conf").unwrap();
        assert_eq!(words(&text, "search "), ["only.search"]);
        let reachable: Vec<&str> =
            words(&of_host, "nameserver ").into_iter().filter(|server| !server.starts_with("127.")).collect();
        if !reachable.is_empty() {
            assert_eq!(words(&text, "nameserver "), reachable);
        }
    });
}

#[test]
fn in_the_hosts_network_the_hosts_files_hold() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("host_network", true).start().await;
        let of_host = std::fs::read_to_string("/etc/resolv.conf").unwrap();
        let text = task.read("cat /etc/resolv.conf").await;
        assert_eq!(words(&text, "nameserver "), words(&of_host, "nameserver "));
        assert_eq!(task.read("cat /etc/hosts").await, std::fs::read_to_string("/etc/hosts").unwrap());
    });
}

#[test]
fn the_tasks_own_name_and_localhost_resolve() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let hosts = task.read("cat /etc/hosts").await;
        let name = task.read("hostname").await;
        assert!(!name.trim().is_empty() && name.trim().len() <= 64, "{name:?}");
        let names = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert!(hosts.lines().any(|line| names(line).contains(&name.trim().to_owned())), "{name} in {hosts}");
        assert!(hosts.lines().any(|line| line.starts_with("127.0.0.1") && line.contains("localhost")));
        assert_ne!(name, std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap());
        task.read("hostname -i").await;
    });
}

#[test]
fn the_task_can_write_its_own_files_and_no_others() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let before = std::fs::read_to_string("/etc/hosts").unwrap();
        task.read("echo 10.0.0.1 added >> /etc/hosts && grep -q added /etc/hosts").await;
        assert_eq!(std::fs::read_to_string("/etc/hosts").unwrap(), before);
        let other = world.task("other").shell("sleep 1000").start().await;
        assert!(!other.read("cat /etc/hosts").await.contains("added"));
    });
}

#[test]
fn a_long_name_of_a_task_is_no_obstacle() {
    test(async |world| {
        let name = format!("connect-proxy-{}", "very-long-".repeat(10));
        let task = world.task(&name).shell("sleep 1000").start().await;
        assert!(task.read("hostname").await.trim().len() <= 64);
        assert_eq!(task.read("echo $NOMAD_TASK_NAME").await.trim(), name);
    });
}

#[test]
fn odd_names_of_tasks_are_no_obstacle() {
    test(async |world| {
        for name in ["a--b", "ends_", "with.dots", "ünïcode", "UPPER_lower", "x y"] {
            let task = world.task(name).shell("exit 4").start().await;
            assert_eq!(task.wait().await.code, 4, "{name}");
        }
    });
}
