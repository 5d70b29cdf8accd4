//! What the Go driver passes over or hands on to the runtime, and docker's and podman's words for what holds anyway.

use e2e::cgroup::value;
use e2e::test;
use linux_host::cgroup::Controller;
use nomad_proto::cty::Value;

#[test]
fn what_is_empty_or_not_above_zero_counts_as_left_out() {
    test(async |world| {
        let empty = [
            "cwd",
            "hostname",
            "pid_mode",
            "network_mode",
            "shm_size",
            "seccomp_profile",
            "image_pull_timeout",
        ];
        let plain = world.task("plain").shell("sleep 1000");
        let setup = empty.into_iter().fold(plain, |setup, name| setup.option(name, ""));
        let setup = setup.option("entrypoint", Value::List(Vec::new()));
        let plain = world.task("usual").shell("sleep 1000").start().await;
        let task = setup.option("file_limit", -1).option("pids_limit", -1).start().await;
        assert_eq!(value(task.pid().await, Controller::Pids, "pids.max", "pids.max"), "max");
        let script = "pwd; ulimit -n; df -k /dev/shm; ls /sys/class/net; test $$ != 1";
        assert_eq!(task.read(script).await, plain.read(script).await);
        assert_ne!(task.read("hostname").await, "\n");
    });
}

#[test]
fn an_empty_entrypoint_is_none_and_the_arguments_run_by_themselves() {
    test(async |world| {
        let setup = world.task("web").option("command", "").option("entrypoint", vec![""]);
        let task = setup.option("args", vec!["/bin/sh", "-c", "exit 3"]).start().await;
        assert_eq!(task.wait().await.code, 3);
        let text = world.task("nothing").option("entrypoint", vec![""]).refusal().await;
        assert!(text.starts_with(r#"entrypoint = "": without an entry point"#), "{text}");
    });
}

#[test]
fn modes_that_say_what_holds_anyway_change_nothing() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000").option("pid_mode", "private");
        let task = setup.option("ipc_mode", "shareable").option("uts_mode", "private").start().await;
        for kind in ["pid", "ipc", "uts"] {
            let of_host = std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
            let of_task = task.read(&format!("readlink /proc/self/ns/{kind}")).await;
            assert_ne!(of_task.trim(), of_host.to_str().unwrap());
        }
    });
}

#[test]
fn words_of_a_mount_that_the_runtime_knows_reach_it() {
    test(async |world| {
        let block = |kind: &str, target: &str, words: &[&str]| {
            Value::from([
                ("type", Value::from(kind)),
                ("source", if kind == "bind" { "local" } else { "" }.into()),
                ("target", target.into()),
                ("options", words.to_vec().into()),
            ])
        };
        let bind =
            || block("bind", "/bound", &["rbind", "ro", "unbindable", "lazytime", "iversion", "silent"]);
        let tmpfs = block("tmpfs", "/memory", &["nr_blocks=256,nr_inodes=1k", "huge=never", "lazytime"]);
        let mounts = Value::List(vec![bind(), tmpfs, bind()]);
        let task = world.task("web").shell("sleep 1000").option("mounts", mounts).start().await;
        let bound = task.read("grep ' /bound ' /proc/self/mountinfo").await;
        assert!(
            bound.contains(" unbindable ") && bound.contains(" ro,") && bound.lines().count() == 1,
            "{bound}"
        );
        let memory = task.read("grep ' /memory ' /proc/mounts").await;
        assert!(memory.contains("size=1024k,nr_inodes=1024"), "{memory}");
    });
}
