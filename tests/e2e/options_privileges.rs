//! Capabilities, privileged tasks and namespaces of the host, read inside the container.

use e2e::host::Sleep;
use e2e::wait::until_true;
use e2e::world::Setup;
use e2e::{Task, cgroup, test, test_with};
use linux_host::cgroup::CgroupMode;
use nomad_proto::cty::Value;

fn list(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| Value::from(*word)).collect())
}

/// The effective set of a process in the task.
async fn capabilities(task: &Task) -> u64 {
    let text = task.read("grep CapEff /proc/self/status | cut -f2").await;
    u64::from_str_radix(text.trim(), 16).unwrap()
}

const CHOWN: u64 = 1;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
/// The 14 of containerd and Docker.
const USUAL: u64 = 0xa804_25fb;

fn bounding() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:\t")).unwrap();
    u64::from_str_radix(line, 16).unwrap()
}

#[test]
fn capabilities_are_added_and_dropped_by_any_spelling() {
    test(async |world| {
        let usual = world.task("usual").shell("sleep 1000").start().await;
        assert_eq!(capabilities(&usual).await, USUAL);
        let setup = world.task("some").shell("sleep 1000").option("cap_add", list(&["net_admin"]));
        let some = setup.option("cap_drop", list(&["CAP_NET_RAW", "Chown"])).start().await;
        assert_eq!(capabilities(&some).await, (USUAL | NET_ADMIN) & !NET_RAW & !CHOWN);
        let setup = world.task("one").shell("sleep 1000").option("cap_drop", list(&["ALL"]));
        let one = setup.option("cap_add", list(&["chown"])).start().await;
        assert_eq!(capabilities(&one).await, CHOWN);
        let setup = world.task("all").shell("sleep 1000").option("cap_add", list(&["all"]));
        assert_eq!(capabilities(&setup.start().await).await, bounding());
    });
}

#[test]
fn a_capability_that_there_is_not_is_refused() {
    test(async |world| {
        let text = world.task("web").shell("true").option("cap_add", list(&["net_amin"])).refusal().await;
        assert!(text.starts_with(r#"cap_add: "net_amin" is not a capability"#), "{text}");
    });
}

/// Capabilities that hosts which are machines or containers of others often lack, with their numbers
/// (capability.h).
const OFTEN_LACKED: [(&str, u32); 10] = [
    ("SYS_RESOURCE", 24),
    ("SYS_MODULE", 16),
    ("SYS_RAWIO", 17),
    ("SYS_BOOT", 22),
    ("SYS_TIME", 25),
    ("SYSLOG", 34),
    ("WAKE_ALARM", 35),
    ("BLOCK_SUSPEND", 36),
    ("MAC_ADMIN", 33),
    ("CHECKPOINT_RESTORE", 40),
];

#[test]
fn a_capability_that_the_host_lacks_is_refused_by_name_and_left_out_of_all() {
    test(async |world| {
        let all = world.task("all").shell("sleep 1000").option("cap_add", list(&["all"])).start().await;
        assert_eq!(capabilities(&all).await, bounding());
        for (name, number) in OFTEN_LACKED {
            let asked = world.task(name).shell("sleep 1000").option("cap_add", list(&[name]));
            if bounding() & (1 << number) == 0 {
                let told = format!(
                    "cap_add: this host can not give CAP_{name} (accepted: what is in its bounding set)"
                );
                assert_eq!(asked.refusal().await, told);
                return;
            }
        }
        println!("This host lacks none of {OFTEN_LACKED:?}: nothing that is refused could be asked for.");
        let (name, number) = OFTEN_LACKED[0];
        let has = world.task("has").shell("sleep 1000").option("cap_add", list(&[name])).start().await;
        assert_eq!(capabilities(&has).await, USUAL | 1 << number);
    });
}

#[test]
fn a_privileged_task_has_no_walls() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("privileged", true).start().await;
        assert_eq!(capabilities(&task).await, bounding());
        let mounts = task.read("cat /proc/mounts").await;
        let is_writable = |place: &str| {
            mounts.lines().any(|line| {
                let words: Vec<_> = line.split(' ').collect();
                words[1] == place && words[3].split(',').any(|option| option == "rw")
            })
        };
        assert!(is_writable("/sys") && !mounts.contains("/proc/kcore"), "{mounts}");
        assert_eq!(task.read("grep NoNewPrivs /proc/self/status").await, "NoNewPrivs:\t0\n");
        let own = match cgroup::mode() {
            CgroupMode::V1 => "/sys/fs/cgroup/memory",
            CgroupMode::V2 => "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)",
        };
        task.read(&format!("mkdir {own}/inner && rmdir {own}/inner")).await;
        task.read("mkdir -p /m && mount -t tmpfs none /m && umount /m").await;
        task.read("test -c /dev/loop-control && dd if=/dev/kmsg of=/dev/null bs=1 count=0").await;
        assert_eq!(task.read("readlink /dev/ptmx").await, "pts/ptmx\n");
    });
}

#[test]
fn an_unprivileged_task_keeps_its_walls() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        assert_eq!(task.read("grep NoNewPrivs /proc/self/status").await, "NoNewPrivs:\t1\n");
        assert_ne!(task.run("mkdir -p /m && mount -t tmpfs none /m").await.exit.code, 0);
        assert_ne!(task.run("echo 1 > /proc/sys/kernel/printk").await.exit.code, 0);
        assert_ne!(task.run("test -e /dev/loop-control").await.exit.code, 0);
    });
}

#[test]
fn privileged_is_refused_where_the_operator_forbids_it() {
    test_with(Setup::config("allow_privileged", false), async |world| {
        let text = world.task("web").shell("true").option("privileged", true).refusal().await;
        assert!(text.contains("Running privileged jobs are not allowed"), "{text}");
    });
}

#[test]
fn a_task_in_the_hosts_pid_namespace_sees_the_host_and_still_ends_whole() {
    test(async |world| {
        let background = Sleep::unique();
        let script = format!("{} & sleep 1000", background.script());
        let setup = world.task("web").shell(&script).option("pid_mode", "host");
        let task = setup.start().await;
        until_true("the background", || background.runs()).await;
        let me = std::process::id();
        task.read(&format!("test -d /proc/{me}")).await;
        assert_eq!(task.read("readlink /proc/self/ns/pid").await.trim(), own_namespace());
        task.destroy(true).await.unwrap();
        assert_eq!(background.processes(), Vec::<u32>::new());
        let text = world.task("bad").shell("true").option("pid_mode", "container").refusal().await;
        assert!(text.starts_with(r#"pid_mode: "container" is not a mode"#), "{text}");
    });
}

fn own_namespace() -> String {
    namespace_of_host("pid")
}

fn namespace_of_host(kind: &str) -> String {
    std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().display().to_string()
}

#[test]
fn a_task_in_the_hosts_ipc_namespace_shares_its_memory() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000").option("ipc_mode", "host");
        let task = setup.start().await;
        assert_eq!(task.read("readlink /proc/self/ns/ipc").await.trim(), namespace_of_host("ipc"));
        let shared = tempfile::Builder::new().prefix("e2e-").tempfile_in("/dev/shm").unwrap();
        task.read(&format!("test -f {}", shared.path().display())).await;
        let own = world.task("own").shell("sleep 1000").start().await;
        assert_ne!(own.read("readlink /proc/self/ns/ipc").await.trim(), namespace_of_host("ipc"));
        let setup = world.task("size").shell("true").option("ipc_mode", "host").option("shm_size", "1m");
        assert!(setup.refusal().await.starts_with(r#"shm_size = "1m": with ipc_mode = "host""#));
    });
}

#[test]
fn a_task_in_the_hosts_uts_namespace_has_its_name() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000").option("uts_mode", "host");
        let task = setup.start().await;
        assert_eq!(task.read("readlink /proc/self/ns/uts").await.trim(), namespace_of_host("uts"));
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(task.read("hostname; echo $HOSTNAME").await, format!("{name}{name}"));
        task.read("hostname -i").await;
        let setup = world.task("name").shell("true").option("uts_mode", "host").option("hostname", "a");
        assert!(setup.refusal().await.starts_with(r#"hostname = "a": with uts_mode = "host""#));
    });
}

#[test]
fn a_task_is_in_the_hosts_user_namespace_and_may_say_so() {
    test(async |world| {
        for option in ["userns_mode", "userns"] {
            let task = world.task(option).shell("sleep 1000").option(option, "host").start().await;
            assert_eq!(task.read("readlink /proc/self/ns/user").await.trim(), namespace_of_host("user"));
        }
        let text = world.task("own").shell("true").option("userns_mode", "auto").refusal().await;
        assert!(text.starts_with(r#"userns_mode = "auto": "host" is accepted"#), "{text}");
    });
}
