//! Limits, sizes and kernel parameters that a job sets, read inside the container.

use e2e::cgroup::value;
use e2e::world::Setup;
use e2e::{test, test_with};
use linux_host::cgroup::Controller;
use nomad_proto::cty::Value;

#[test]
fn pids_limit_is_the_number_of_processes() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("pids_limit", 40).start().await;
        assert_eq!(value(task.pid().await, Controller::Pids, "pids.max", "pids.max"), "40");
        let many = task.run("for i in $(seq 60); do sleep 100 & done").await;
        let told = String::from_utf8_lossy(&many.stderr).into_owned();
        assert!(told.contains("can't fork"), "{told}");
    });
}

#[test]
fn file_limit_is_soft_and_hard_limit() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("file_limit", 321).start().await;
        assert_eq!(task.read("ulimit -Sn; ulimit -Hn").await, "321\n321\n");
        let setup = world.task("wide").shell("true").option("file_limit", i64::MAX);
        let text = setup.refusal().await;
        assert!(text.starts_with(r#"file_limit = "9223372036854775807": 1 to "#), "{text}");
    });
}

#[test]
fn shm_size_is_the_size_of_dev_shm() {
    test(async |world| {
        for (name, size, kib) in
            [("text", Value::from("128M"), "131072"), ("bytes", Value::from(1_048_576), "1024")]
        {
            let task = world.task(name).shell("sleep 1000").option("shm_size", size).start().await;
            let shown = task.read("df -k /dev/shm | awk 'END { print $2 }'").await;
            assert_eq!(shown.trim(), kib);
        }
        let task = world.task("most").shell("sleep 1000").option("shm_size", 0).start().await;
        task.read(
            "dd if=/dev/zero of=/dev/shm/file bs=1M count=65 2>/dev/null; test $? = 0; rm /dev/shm/file",
        )
        .await;
        assert!(task.read("grep ' /dev/shm ' /proc/mounts").await.contains("size=0k"));
        let task = world.task("usual").shell("sleep 1000").start().await;
        assert_eq!(task.read("df -k /dev/shm | awk 'END { print $2 }'").await.trim(), "65536");
        let text = world.task("none").shell("true").option("shm_size", "lots").refusal().await;
        assert!(text.starts_with("shm_size: \"lots\" is not a size"), "{text}");
    });
}

#[test]
fn sysctls_of_the_containers_namespaces_are_set_and_those_of_the_host_refused() {
    test(async |world| {
        let map = |key: &str, value: &str| Value::List(vec![[(key, value)].into()]);
        let setup = world.task("web").shell("sleep 1000");
        let task = setup.option("sysctl", map("net.core.somaxconn", "1234")).start().await;
        assert_eq!(task.read("cat /proc/sys/net/core/somaxconn").await, "1234\n");
        let setup = world.task("ipc").shell("sleep 1000");
        let task = setup.option("sysctl", map("kernel.msgmax", "4096")).start().await;
        assert_eq!(task.read("cat /proc/sys/kernel/msgmax").await, "4096\n");
        let setup = world.task("host").shell("true");
        let text = setup.option("sysctl", map("kernel.panic", "1")).refusal().await;
        assert!(text.starts_with("sysctl: \"kernel.panic\" is a parameter of the whole host"), "{text}");
        let setup = world.task("net").shell("true").option("host_network", true);
        let text = setup.option("sysctl", map("net.core.somaxconn", "1")).refusal().await;
        assert!(text.contains("would change the host"), "{text}");
    });
}

#[test]
fn cpuset_options_say_where_a_task_may_run() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000");
        let task = setup.option("cpuset_cpus", "1").option("cpuset_mems", "0").start().await;
        let allowed = task.read("grep -E '^(Cpus|Mems)_allowed_list' /proc/1/status").await;
        assert_eq!(allowed, "Cpus_allowed_list:\t1\nMems_allowed_list:\t0\n");
        let pid = task.pid().await;
        let files = ["cpuset.cpus", "cpuset.mems"].map(|file| value(pid, Controller::Cpuset, file, file));
        assert_eq!(files, ["1", "0"]);
        let text = world.task("all").shell("true").option("cpuset_cpus", "all").refusal().await;
        assert_eq!(text, r#"cpuset_cpus = "all": must be a list of CPUs such as "0-2,7""#);
        let text = world.task("many").shell("true").option("cpuset_cpus", "0-4095").refusal().await;
        let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
        let accepted = format!("{} is accepted, the CPUs that are online here", online.trim());
        assert_eq!(text, format!(r#"cpuset_cpus = "0-4095": {accepted}"#));
        let setup = world.task("cores").shell("true").with(|task| task.cpuset_cpus("0"));
        let text = setup.option("cpuset_cpus", "1").refusal().await;
        assert!(text.contains("Nomad has reserved cores 0"), "{text}");
    });
}

#[test]
fn cpuset_cpus_wins_over_the_clients_shared_cores() {
    test(async |world| {
        let cgroups = e2e::cgroup::of_client(&world.alloc().id, "web");
        let place = cgroups.cpuset_cgroup.clone();
        let setup = world.task("web").shell("sleep 1000").with(move |task| task.cgroup(place));
        let task = setup.option("cpuset_cpus", "1").start().await;
        assert_eq!(task.read("grep Cpus_allowed_list /proc/1/status").await, "Cpus_allowed_list:\t1\n");
        assert_eq!(task.read("grep Cpus_allowed_list /proc/self/status").await, "Cpus_allowed_list:\t1\n");
        assert_eq!(value(task.pid().await, Controller::Cpuset, "cpuset.cpus", "cpuset.cpus"), "1");
        task.destroy(true).await.unwrap();
        cgroups.remove().unwrap();
    });
}

#[test]
fn a_read_only_root_can_not_be_written_but_the_allocation_can() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("readonly_rootfs", true).start().await;
        let refused = task.run("echo x > /etc/motd").await;
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Read-only file system"));
        task.read("echo x > /local/x && echo x > /alloc/data/x && cat /etc/hosts").await;
    });
}

#[test]
fn the_pull_timeout_is_a_duration() {
    test(async |world| {
        let text = world.task("web").shell("true").option("image_pull_timeout", "soon").refusal().await;
        assert!(text.contains(r#"image_pull_timeout = "soon": must be a duration above zero"#), "{text}");
        let task = world.task("web").shell("exit 3").option("image_pull_timeout", "1h30m").start().await;
        assert_eq!(task.wait().await.code, 3);
    });
}

#[test]
fn a_pull_that_takes_longer_than_the_plugins_limit_ends() {
    test_with(Setup::config("image_pull_timeout", "300ms"), async |world| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let reference = format!("{}/team/tool:1", listener.local_addr().unwrap());
        let started = world.task("web").reference(&reference).shell("true").try_start().await;
        let error = started.expect_err("a registry that never answers gives no image");
        assert!(error.to_string().contains(&reference) && error.is_recoverable(), "{error}");
    });
}

#[test]
fn a_pull_that_takes_longer_than_the_tasks_limit_ends_whatever_the_plugins_is() {
    test_with(Setup::config("image_pull_timeout", "1h"), async |world| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let reference = format!("{}/team/tool:1", listener.local_addr().unwrap());
        let setup = world.task("web").reference(&reference).shell("true");
        let started = setup.option("image_pull_timeout", "300ms").try_start().await;
        let error = started.expect_err("a registry that never answers gives no image");
        assert!(error.to_string().contains(&reference) && error.is_recoverable(), "{error}");
    });
}
