//! seccomp and the operator's gates, read inside the container.

use e2e::world::Setup;
use e2e::{test, test_with};
use nomad_proto::cty::Value;

/// 0 without a filter, 2 with one (proc(5)).
const FILTER: &str = "grep -w Seccomp /proc/self/status | cut -f2";

#[test]
fn seccomp_filters_with_the_default_profile() {
    test(async |world| {
        let plain = world.task("plain").shell("sleep 1000").start().await;
        assert_eq!(plain.read(FILTER).await, "0\n");
        let setup = world.task("web").shell("sleep 1000").option("seccomp", true);
        let task = setup.start().await;
        assert_eq!(task.read(FILTER).await, "2\n");
        task.read("ls / && date && mkdir /tmp/x").await;
        assert_eq!(plain.run("unshare -U true").await.exit.code, 0);
        assert_ne!(task.run("unshare -U true").await.exit.code, 0);
    });
}

#[test]
fn a_profile_of_the_operators_host_is_applied() {
    test(async |world| {
        let path = world.directory().join("profile.json");
        let rule = r#"{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}"#;
        let text = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}]}}"#);
        std::fs::write(&path, text).unwrap();
        let setup = world.task("web").shell("sleep 1000").option("seccomp", true);
        let task = setup.option("seccomp_profile", path.display().to_string()).start().await;
        assert_ne!(task.run("mkdir /tmp/x").await.exit.code, 0);
        task.read("touch /tmp/x").await;
    });
}

#[test]
fn the_default_filter_is_that_of_the_capabilities_which_the_task_has() {
    test(async |world| {
        let with = |name: &str, added: &str| {
            let setup = world.task(name).shell("sleep 1000").option("seccomp", true);
            setup.option("cap_add", vec![added])
        };
        let usual = with("usual", "chown").start().await;
        assert_ne!(usual.run("unshare -U true").await.exit.code, 0);
        let admin = with("admin", "sys_admin").start().await;
        assert_eq!(admin.read(FILTER).await, "2\n");
        admin.read("unshare -U true").await;
        let dropped = with("dropped", "all").option("cap_drop", vec!["sys_admin"]).start().await;
        assert_ne!(dropped.run("unshare -U true").await.exit.code, 0);
    });
}

#[test]
fn a_profile_in_dockers_form_is_applied_as_the_tasks_capabilities_say() {
    test(async |world| {
        let path = world.directory().join("profile.json");
        let text = r#"{
            "defaultAction": "SCMP_ACT_ALLOW",
            "archMap": [
                {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}
            ],
            "syscalls": [
                {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                 "includes": {"caps": ["CAP_NET_ADMIN"]}},
                {"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                 "excludes": {"caps": ["CAP_NET_ADMIN"]}}
            ]
        }"#;
        std::fs::write(&path, text).unwrap();
        for (name, added, mkdir, symlink) in
            [("without", "chown", true, false), ("with", "net_admin", false, true)]
        {
            let setup = world.task(name).shell("sleep 1000").option("cap_add", vec![added]);
            let setup = setup.option("seccomp", true);
            let task = setup.option("seccomp_profile", path.display().to_string()).start().await;
            assert_eq!(task.read(FILTER).await, "2\n");
            assert_eq!(task.run("mkdir /tmp/made").await.exit.code == 0, mkdir, "{name}");
            assert_eq!(task.run("ln -s /etc /tmp/link").await.exit.code == 0, symlink, "{name}");
        }
    });
}

#[test]
fn a_profile_that_can_not_be_used_is_refused() {
    test(async |world| {
        let path = world.directory().join("profile.json").display().to_string();
        let with = |name: &str| {
            let setup = world.task(name).shell("true").option("seccomp", true);
            setup.option("seccomp_profile", path.as_str())
        };
        assert!(with("absent").refusal().await.contains("can not be used"));
        std::fs::write(&path, r#"{"defaultAction": "PERHAPS"}"#).unwrap();
        assert!(with("invalid").refusal().await.contains("line 1"));
        let listener = r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x.sock"}"#;
        std::fs::write(&path, listener).unwrap();
        assert!(with("listener").refusal().await.contains("listenerPath"));
        let text = world.task("alone").shell("true").option("seccomp_profile", path.as_str()).refusal().await;
        assert!(text.contains("a profile needs seccomp = true"), "{text}");
    });
}

#[test]
fn allow_caps_is_all_that_a_task_can_have() {
    test_with(Setup::config("allow_caps", vec!["chown", "net_admin"]), async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        assert_eq!(task.read("grep CapEff /proc/self/status | cut -f2").await, "0000000000000001\n");
        let setup = world.task("some").shell("true").option("cap_add", vec!["sys_admin"]);
        let text = setup.refusal().await;
        assert!(text.contains("driver does not allow the following capabilities: CAP_SYS_ADMIN"), "{text}");
        let setup = world.task("fine").shell("sleep 1000").option("cap_add", vec!["NET_ADMIN"]);
        let task = setup.start().await;
        assert_eq!(task.read("grep CapEff /proc/self/status | cut -f2").await, "0000000000001001\n");
    });
}

#[test]
fn strict_keeps_tasks_from_the_host() {
    test_with(Setup::config("security", "strict"), async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        assert_eq!(task.read(FILTER).await, "2\n");
        assert_eq!(task.read("grep CapEff /proc/self/status | cut -f2").await, "00000000a80405fb\n");
        for (option, value) in [
            ("privileged", Value::from(true)),
            ("pid_mode", "host".into()),
            ("ipc_mode", "host".into()),
            ("uts_mode", "host".into()),
            ("host_network", true.into()),
            ("cap_add", vec!["net_raw"].into()),
            ("devices", vec!["/dev/fuse"].into()),
        ] {
            let text = world.task("refused").shell("true").option(option, value).refusal().await;
            assert!(text.starts_with(option), "{text}");
        }
    });
}

#[test]
fn allowed_modes_say_which_namespaces_of_the_host_a_task_may_have() {
    let none = ["pid", "ipc", "userns"].map(|kind| (kind, Value::List(Vec::new())));
    test_with(Setup::config("allowed_modes", none), async |world| {
        for kind in ["pid", "ipc", "userns"] {
            let option = format!("{kind}_mode");
            let text = world.task("web").shell("true").option(&option, "host").refusal().await;
            let told =
                format!("{option} = \"host\": the operator's allowed_modes.{kind} does not have this mode");
            assert!(text.starts_with(&told), "{text}");
        }
        world.task("web").shell("sleep 1000").option("uts_mode", "host").start().await;
    });
}
