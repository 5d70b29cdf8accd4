//! What a task sees of the host, and the host of it.

use std::path::Path;

use e2e::{cgroup, host, test};
use linux_host::cgroup::CgroupMode;

#[test]
fn files_of_the_task_are_not_on_the_host() {
    test(async |world| {
        let script = "echo secret > /made-in-the-task; echo made; sleep 1000";
        let mut task = world.task("web").shell(script).start().await;
        task.printed("made").await;
        assert_eq!(task.read("cat /made-in-the-task").await, "secret\n");
        assert!(!Path::new("/made-in-the-task").exists());
        let own = task.root().await.join("made-in-the-task");
        assert_eq!(std::fs::read_to_string(own).unwrap(), "secret\n");
    });
}

#[test]
fn files_of_the_host_are_not_in_the_task() {
    test(async |world| {
        let host_file = world.directory().join("on-the-host");
        std::fs::write(&host_file, "secret").unwrap();
        let task = world.task("web").shell("sleep 1000").start().await;
        let script = format!("test ! -e {} && test ! -e /usr/bin/containerd", host_file.display());
        task.read(&script).await;
    });
}

#[test]
fn the_task_sees_its_real_cgroup() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let seen = task.read("cat /proc/self/cgroup").await;
        let alloc = world.alloc();
        match cgroup::mode() {
            CgroupMode::V1 => {
                for controller in ["freezer", "cpu", "memory", "pids"] {
                    let wanted = format!(":{controller}:/nomad/{}.web", alloc.id);
                    assert!(seen.lines().any(|line| line.ends_with(&wanted)), "{wanted} in {seen}");
                }
            }
            CgroupMode::V2 => {
                assert!(seen.trim_end().ends_with(&format!("{}.web.scope", alloc.id)), "{seen}");
            }
        }
    });
}

#[test]
fn the_task_is_the_first_process_of_its_own_namespaces() {
    test(async |world| {
        let mut task = world.task("web").shell("echo pid $$; sleep 1000").start().await;
        task.printed("pid 1\n").await;
        let pid = task.pid().await;
        for kind in ["pid", "mnt", "uts", "ipc", "net"] {
            assert_ne!(host::namespace_of(pid, kind), host::namespace_of(std::process::id(), kind), "{kind}");
        }
    });
}

#[test]
fn nothing_of_the_plugins_environment_reaches_the_task() {
    test(async |world| {
        let (_, output) = world.task("web").command(&["env"]).start().await.finish().await;
        let environment = output.stdout_text();
        let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
        for name in &names {
            let known = name.starts_with("NOMAD_") || ["PATH", "HOSTNAME", "HOME"].contains(name);
            assert!(known, "{name} in {names:?}");
        }
        let of_the_plugin =
            names.iter().find(|name| name.starts_with("NOMAD_PLUGIN") || name.contains("LOG"));
        assert_eq!(of_the_plugin, None);
        assert!(names.contains(&"PATH") && names.contains(&"NOMAD_ALLOC_ID"), "{names:?}");
    });
}

#[test]
fn parts_of_proc_that_are_the_hosts_are_closed() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        assert_ne!(task.run("echo b > /proc/sysrq-trigger").await.exit.code, 0);
        assert_ne!(task.run("echo x > /proc/sys/kernel/hostname").await.exit.code, 0);
        assert_ne!(task.run("mount -t tmpfs none /tmp").await.exit.code, 0);
        assert_eq!(task.read("cat /proc/kcore | wc -c").await, "0\n");
        let directory = match cgroup::mode() {
            CgroupMode::V1 => "/sys/fs/cgroup/memory/new",
            CgroupMode::V2 => "/sys/fs/cgroup/new",
        };
        assert_ne!(task.run(&format!("mkdir {directory}")).await.exit.code, 0);
    });
}

#[test]
fn the_usual_devices_are_there_and_no_others() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        task.read("for d in null zero full random urandom tty; do test -c /dev/$d || exit 1; done").await;
        task.read("test -d /dev/pts && test -d /dev/shm && test -e /dev/stdout").await;
        let refused = task.run("mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem").await;
        assert_ne!(refused.exit.code, 0);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("not permitted"), "{refused:?}");
    });
}
