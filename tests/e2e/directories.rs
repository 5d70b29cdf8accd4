//! What is bound into a task: the allocation's directories, volumes and devices.

use std::fs;

use e2e::{leftovers, test};
use nomad_proto::pb::driver::{Device, Mount};

fn mount(host: &std::path::Path, task: &str, readonly: bool) -> Mount {
    Mount {
        host_path: host.display().to_string(),
        task_path: task.to_owned(),
        readonly,
        propagation_mode: "private".to_owned(),
        ..Mount::default()
    }
}

fn device(host: &str, task: &str, permissions: &str) -> Device {
    Device { host_path: host.into(), task_path: task.into(), cgroup_permissions: permissions.into() }
}

#[test]
fn the_allocations_directories_are_shared_both_ways() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000");
        let task = setup.start().await;
        let (alloc, dirs) = (world.alloc(), world.alloc().task_dirs("web"));
        for (inside, outside) in
            [("/alloc/data", alloc.shared().join("data")), ("/local", dirs.local), ("/secrets", dirs.secrets)]
        {
            fs::write(outside.join("in"), "from the host\n").unwrap();
            let seen = task.read(&format!("cat {inside}/in && echo from the task > {inside}/out")).await;
            assert_eq!(seen, "from the host\n", "{inside}");
            assert_eq!(fs::read_to_string(outside.join("out")).unwrap(), "from the task\n", "{inside}");
        }
    });
}

#[test]
fn two_tasks_share_alloc_and_nothing_else() {
    test(async |world| {
        let one = world.task("one").shell("sleep 1000").start().await;
        let two = world.task("two").shell("sleep 1000").start().await;
        one.read("echo shared > /alloc/data/x && echo own > /local/x && echo own > /secrets/x").await;
        two.read("grep -q shared /alloc/data/x && test ! -e /local/x && test ! -e /secrets/x").await;
    });
}

#[test]
fn the_log_directory_can_be_read_and_not_written() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        task.read("ls /alloc/logs").await;
        for script in
            ["touch /alloc/logs/new", "rm -f /alloc/logs/web.stdout.fifo", "mv /alloc/logs /alloc/other"]
        {
            let refused = task.run(script).await;
            assert_ne!(refused.exit.code, 0, "{script}");
        }
        assert!(fs::exists(&task.config.stdout_path).unwrap());
    });
}

#[test]
fn private_directories_and_other_tasks_are_out_of_reach() {
    test(async |world| {
        let dirs = world.alloc().task_dirs("web");
        let task = world.task("web").shell("sleep 1000").start().await;
        fs::write(dirs.private.join("hidden-file"), "x").unwrap();
        let mounts = task.read("cat /proc/self/mountinfo").await;
        assert!(!mounts.contains("/private"), "{mounts}");
        assert_eq!(task.read("find / -xdev -name hidden-file").await, "");
        assert_eq!(task.read("find /alloc /local /secrets -name hidden-file").await, "");
    });
}

#[test]
fn a_volume_is_writable_unless_it_is_read_only() {
    test(async |world| {
        let volume = world.directory().join("volume");
        fs::create_dir(&volume).unwrap();
        fs::write(volume.join("in"), "data\n").unwrap();
        let (rw, ro) = (mount(&volume, "/srv/rw", false), mount(&volume, "/srv/ro", true));
        let task = world.task("web").shell("sleep 1000").with(|task| task.mount(rw).mount(ro)).start().await;
        assert_eq!(task.read("cat /srv/rw/in /srv/ro/in; echo new > /srv/rw/out").await, "data\ndata\n");
        assert_eq!(fs::read_to_string(volume.join("out")).unwrap(), "new\n");
        let refused = task.run("echo x > /srv/ro/out").await;
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Read-only"), "{refused:?}");
    });
}

#[test]
fn a_single_file_can_be_a_volume() {
    test(async |world| {
        let file = world.directory().join("settings");
        fs::write(&file, "key = 1\n").unwrap();
        let volume = mount(&file, "/etc/tool/settings", true);
        let task = world.task("web").command(&["cat", "/etc/tool/settings"]).with(|task| task.mount(volume));
        assert_eq!(task.start().await.finish().await.1.stdout_text(), "key = 1\n");
    });
}

#[test]
fn a_volume_may_cover_a_directory_of_the_allocation() {
    test(async |world| {
        let volume = world.directory().join("volume");
        fs::create_dir(&volume).unwrap();
        fs::write(volume.join("in"), "volume\n").unwrap();
        let over = mount(&volume, "/local", false);
        let task = world.task("web").command(&["cat", "/local/in"]).with(|task| task.mount(over));
        assert_eq!(task.start().await.finish().await.1.stdout_text(), "volume\n");
    });
}

#[test]
fn mounts_of_the_task_do_not_reach_the_host() {
    test(async |world| {
        let volume = world.directory().join("volume");
        fs::create_dir_all(volume.join("later")).unwrap();
        let private = mount(&volume, "/srv", false);
        let task = world.task("web").shell("sleep 1000").with(|task| task.mount(private)).start().await;
        let source = world.directory().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("seen"), "x").unwrap();
        let bind = |arguments: &[&std::ffi::OsStr]| {
            assert!(std::process::Command::new("mount").args(arguments).status().unwrap().success());
        };
        bind(&["--bind".as_ref(), source.as_os_str(), volume.join("later").as_os_str()]);
        let seen = task.run("test -e /srv/later/seen").await.exit.code;
        let unmounted = std::process::Command::new("umount").arg(volume.join("later")).status().unwrap();
        assert!(unmounted.success());
        assert_eq!(seen, 1, "a mount of the host travelled into a private volume");
    });
}

#[test]
fn a_volume_that_does_not_exist_is_named_and_nothing_is_left() {
    test(async |world| {
        let missing = mount(&world.directory().join("no-such-volume"), "/srv", false);
        let text = world.task("web").shell("true").with(|task| task.mount(missing)).refusal().await;
        assert!(text.contains("no-such-volume"), "{text}");
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
    });
}

#[test]
fn a_device_of_the_host_is_usable_under_its_name_in_the_task() {
    test(async |world| {
        let zero = device("/dev/zero", "/dev/endless", "rwm");
        let task = world.task("web").shell("head -c 3 /dev/endless | wc -c").with(|task| task.device(zero));
        assert_eq!(task.start().await.finish().await.1.stdout_text(), "3\n");
    });
}

#[test]
fn a_device_may_be_used_as_its_permissions_say() {
    test(async |world| {
        // kmsg is not among the devices that every container has, and opening it to write needs no capability.
        let opened = async |name, permissions| {
            let kmsg = device("/dev/kmsg", "/dev/kernel", permissions);
            let task = world.task(name).shell("sleep 1000").with(|task| task.device(kmsg)).start().await;
            task.run("exec 3>/dev/kernel").await
        };
        assert_eq!(opened("writer", "w").await.exit.code, 0);
        let refused = opened("reader", "r").await;
        assert!(String::from_utf8_lossy(&refused.stderr).contains("not permitted"), "{refused:?}");
        let without = world.task("other").shell("sleep 1000").start().await;
        assert_ne!(without.run("mknod /tmp/kmsg c 1 11 && exec 3>/tmp/kmsg").await.exit.code, 0);
    });
}

#[test]
fn a_device_that_does_not_exist_is_named() {
    test(async |world| {
        let missing = device("/dev/no-such-device", "/dev/x", "rwm");
        let text = world.task("web").shell("true").with(|task| task.device(missing)).refusal().await;
        assert!(text.contains("/dev/no-such-device"), "{text}");
    });
}

#[test]
fn the_environment_of_a_device_plugin_reaches_the_task() {
    test(async |world| {
        let task = world.task("web").shell("echo $VISIBLE_DEVICES").change(|config| {
            config.device_env.insert("VISIBLE_DEVICES".to_owned(), "0,3".to_owned());
        });
        assert_eq!(task.start().await.finish().await.1.stdout_text(), "0,3\n");
    });
}
