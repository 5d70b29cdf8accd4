//! `mounts` and `devices`, read inside the container.

use std::os::unix::fs::{PermissionsExt, symlink};

use e2e::world::Setup;
use e2e::{TaskSetup, World, test, test_with};
use nomad_proto::cty::Value;

fn mounts(setup: TaskSetup, blocks: Vec<Value>) -> TaskSetup {
    setup.option("mounts", Value::List(blocks))
}

fn bind(source: &str, target: &str, words: &[&str]) -> Value {
    Value::from([
        ("source", Value::from(source)),
        ("target", target.into()),
        ("options", words.to_vec().into()),
    ])
}

/// A task's own directory, before the task is there.
fn local(world: &World, task: &str) -> std::path::PathBuf {
    let local = world.alloc().logs().parent().unwrap().parent().unwrap().join(task).join("local");
    std::fs::create_dir_all(&local).unwrap();
    local
}

#[test]
fn sources_of_the_allocation_are_relative_to_the_task() {
    test(async |world| {
        let conf = local(world, "web").join("conf");
        std::fs::create_dir(&conf).unwrap();
        std::fs::write(conf.join("a"), "from local").unwrap();
        std::fs::write(world.alloc().logs().with_file_name("data").join("b"), "from alloc").unwrap();
        let blocks = vec![
            bind("local/conf", "/conf", &["rbind", "ro"]),
            bind("../alloc/data/b", "/b", &["bind", "rw"]),
            bind("secrets/", "/hidden", &["rbind", "rw"]),
        ];
        let task = mounts(world.task("web").shell("sleep 1000"), blocks).start().await;
        assert_eq!(task.read("cat /conf/a /b").await, "from localfrom alloc");
        assert_ne!(task.run("echo x > /conf/x").await.exit.code, 0);
        task.read("echo x > /hidden/x && test -e /secrets/x && echo new > /b").await;
        assert_eq!(task.read("cat /alloc/data/b").await, "new\n");
    });
}

#[test]
fn paths_of_the_host_are_mounted_unless_the_operator_forbids_it() {
    test(async |world| {
        let place = world.directory().join("shared");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("a"), "of the host").unwrap();
        let source = place.display().to_string();
        let block = vec![bind(&source, "/shared", &["rbind", "ro"])];
        let task = mounts(world.task("web").shell("sleep 1000"), block).start().await;
        assert_eq!(task.read("cat /shared/a").await, "of the host");
        let block = vec![bind("/no/such/place", "/shared", &["rbind", "ro"])];
        let text = mounts(world.task("none").shell("true"), block).refusal().await;
        assert!(text.contains(r#"mounts.source = "/no/such/place" can not be used"#), "{text}");
    });
    let disabled = Setup::config("volumes", [("enabled", false)]);
    test_with(disabled, async |world| {
        let block = vec![bind("/etc", "/of-host", &["rbind", "ro"])];
        let text = mounts(world.task("web").shell("true"), block).refusal().await;
        assert!(text.contains("volumes.enabled = false"), "{text}");
        let block = vec![bind("local", "/own", &["rbind", "ro"])];
        mounts(world.task("own").shell("sleep 1000"), block).start().await;
    });
}

#[test]
fn files_sockets_and_devices_of_the_host_are_mounted_through_links() {
    test(async |world| {
        let place = world.directory().join("shared");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("file"), "of the host").unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(place.join("socket")).unwrap();
        symlink("/dev/zero", place.join("device")).unwrap();
        symlink(".", place.join("link")).unwrap();
        let of_host = |name: &str, words| {
            let source = place.join("link").join(name).display().to_string();
            bind(&source, &format!("/of-host/{name}"), words)
        };
        let blocks = vec![
            of_host("file", &["bind", "ro"]),
            of_host("socket", &["rbind", "rw"]),
            of_host("device", &["rbind", "rw"]),
        ];
        let task = mounts(world.task("web").shell("sleep 1000"), blocks).start().await;
        assert_eq!(task.read("cd /of-host && test -S socket && head -c 3 device | wc -c").await, "3\n");
        assert_eq!(task.read("cat /of-host/file").await, "of the host");
        let refused = task.run("echo x > /of-host/file").await;
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Read-only"), "{refused:?}");
    });
}

#[test]
fn a_source_that_leaves_the_allocation_is_refused() {
    test(async |world| {
        let local = local(world, "web");
        symlink("/etc", local.join("link")).unwrap();
        symlink("/etc/passwd", local.join("file")).unwrap();
        for source in ["local/link", "local/link/passwd", "local/file", "local/../../../../etc"] {
            let block = vec![bind(source, "/x", &["rbind", "ro"])];
            let text = mounts(world.task("web").shell("true"), block).refusal().await;
            assert!(text.contains(source), "{text}");
        }
        for source in ["../other/secrets", "private", ".."] {
            let block = vec![bind(source, "/x", &["rbind", "ro"])];
            let text = mounts(world.task("web").shell("true"), block).refusal().await;
            assert!(text.contains("local/, secrets/ or ../alloc/"), "{text}");
        }
    });
}

#[test]
fn dockers_shape_needs_no_options_and_ours_does() {
    test(async |world| {
        std::fs::create_dir(local(world, "web").join("conf")).unwrap();
        let docker = Value::from([
            ("type", Value::from("bind")),
            ("source", "local/conf".into()),
            ("target", "/conf".into()),
            ("readonly", true.into()),
        ]);
        let plain = Value::from([
            ("type", Value::from("bind")),
            ("source", "local/conf".into()),
            ("target", "/plain".into()),
            ("volume_options", [("no_copy", true)].into()),
        ]);
        let setup = mounts(world.task("web").shell("sleep 1000"), vec![docker]);
        let task = setup.option("mount", Value::List(vec![plain])).start().await;
        assert_ne!(task.run("echo x > /conf/x").await.exit.code, 0);
        task.read("echo x > /plain/x && test -e /conf/x").await;
        let text = mounts(world.task("bare").shell("true"), vec![bind("local", "/x", &[])]).refusal().await;
        assert!(text.contains("has no options"), "{text}");
    });
}

#[test]
fn a_tmpfs_has_its_size_and_mode() {
    test(async |world| {
        let ours = Value::from([
            ("type", Value::from("tmpfs")),
            ("target", "/a".into()),
            ("options", vec!["size=1m", "mode=0700"].into()),
        ]);
        let docker = Value::from([
            ("type", Value::from("tmpfs")),
            ("target", "/b".into()),
            ("tmpfs_options", [("size", Value::from(2_097_152)), ("mode", 448.into())].into()),
        ]);
        let task = mounts(world.task("web").shell("sleep 1000"), vec![ours, docker]).start().await;
        let shown = task.read("df -k /a /b | awk 'NR > 1 { print $2 }'; stat -c %a /a /b").await;
        assert_eq!(shown, "1024\n2048\n700\n700\n");
    });
}

#[test]
fn devices_are_there_with_their_permissions() {
    test(async |world| {
        let block = Value::from([
            ("host_path", "/dev/loop-control"),
            ("container_path", "/dev/loops"),
            ("cgroup_permissions", "r"),
        ]);
        let list = Value::List(vec!["/dev/fuse".into(), block]);
        let task = world.task("web").shell("sleep 1000").option("devices", list).start().await;
        task.read("test -c /dev/fuse && : < /dev/fuse && : < /dev/loops").await;
        assert_ne!(task.run(": > /dev/loops").await.exit.code, 0);
        let setup = world.task("none").shell("true").option("devices", vec!["/dev/no-such"]);
        let text = setup.refusal().await;
        assert!(text.contains(r#"devices = "/dev/no-such" can not be used"#), "{text}");
        let setup = world.task("form").shell("true").option("devices", vec!["/dev/fuse:x:y:z"]);
        assert!(setup.refusal().await.contains("does not name a device"));
    });
}

#[test]
fn nothing_staged_is_left_where_tasks_could_see_it() {
    test(async |world| {
        let local = local(world, "web");
        std::fs::set_permissions(&local, std::fs::Permissions::from_mode(0o777)).unwrap();
        let block = vec![bind("local", "/x", &["rbind", "rw"])];
        mounts(world.task("web").shell("sleep 1000"), block).start().await;
        let table = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let state = world.state_dir().display().to_string();
        assert!(!table.contains(&state), "{table}");
    });
}
