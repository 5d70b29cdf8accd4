//! Mounts over places that the runtime or the driver needs, and targets that are no paths.

use std::fs;

use e2e::{World, test_with};
use nomad_proto::cty::Value;

use super::{Security, bind, others_run, refusal, under_each};

/// What of the host a mount in a task could change.
fn host() -> (String, String, String) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    // Others on this host mount and unmount meanwhile; none of them covers these.
    let own = |line: &&str| {
        ["/proc", "/sys", "/dev", "/etc", "/"].iter().any(|place| line.split(' ').nth(4) == Some(place))
    };
    let mounts = mounts.lines().filter(own).collect::<Vec<_>>().join("\n");
    (mounts, fs::read_to_string("/etc/hosts").unwrap_or_default(), fs::read_to_string("/etc/passwd").unwrap())
}

#[test]
fn targets_that_are_no_place_of_a_container_are_refused() {
    under_each(async |world, _| {
        let long = format!("/{}", "x".repeat(300));
        let longer = format!("/{}", "x/".repeat(3000));
        for target in [
            "", "/", "//", "/.", "relative", "./x", "../x", "/a/../b", "/../..", "/a/..", "/a\0b", "\0",
            &long, &longer,
        ] {
            let mounts = vec![bind("local", target, &["rbind", "rw"])];
            let text = refusal(world.task("web").shell("true").option("mounts", Value::List(mounts))).await;
            let shown = &text[..text.len().min(300)];
            assert!(text.contains("mounts.target") || text.contains("mounts"), "{target:.20}: {shown}");
        }
        others_run(world).await;
    });
}

async fn tried(world: &World, mount: Value, script: &str) -> Option<String> {
    let setup = world.task("web").shell("sleep 1000").option("mounts", Value::List(vec![mount]));
    match setup.try_start().await {
        Ok(task) => {
            let ran = task.exec(&["/bin/sh", "-c", script], std::time::Duration::from_secs(30)).await;
            task.destroy(true).await.unwrap();
            Some(ran.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned()).unwrap_or_default())
        }
        Err(error) => {
            assert!(!error.is_disconnected() && !error.to_string().contains(char::is_control), "{error}");
            None
        }
    }
}

#[test]
fn mounts_over_what_closes_the_host_uncover_nothing_of_it() {
    // The gates have no part in it.
    test_with(Security::Strict.setup(), async |world| {
        let before = host();
        let script = "for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper; do \
                      ( echo x > $f ) 2>/dev/null && test \"$(stat -f -c %T $f)\" = proc -o \"$(stat -f -c %T $f)\" = sysfs && echo wrote $f; done; \
                      ( : < /dev/kmsg ) 2>/dev/null && echo opened kmsg; echo end";
        let targets = [
            "/proc",
            "/proc/self",
            "/proc/sys",
            "/proc/sys/kernel",
            "/proc/sysrq-trigger",
            "/proc/kcore",
            "/proc/1",
            "/sys",
            "/sys/fs/cgroup",
            "/sys/kernel",
            "/dev",
            "/dev/null",
            "/dev/shm",
            "/dev/pts",
            "/dev/mqueue",
            "/etc",
            "/etc/hosts",
            "/bin",
            "/alloc",
            "/local",
            "/secrets",
            "/alloc/data",
            "/run",
            "/ünï/名",
            "/new\nline",
            "/with space",
            "/-o",
            "/x//y/./z",
        ];
        for (number, target) in targets.into_iter().enumerate() {
            let tmpfs = Value::from([("type", Value::from("tmpfs")), ("target", target.into())]);
            let mount = if number % 2 == 0 { bind("local", target, &["rbind", "rw"]) } else { tmpfs };
            let printed = tried(world, mount, script).await.unwrap_or_default();
            assert!(["", "end\n"].contains(&printed.as_str()), "{target}: {printed}");
            assert_eq!(host(), before, "{target}");
        }
        others_run(world).await;
    });
}

#[test]
fn options_of_a_mount_that_would_take_it_somewhere_else_are_refused() {
    under_each(async |world, _| {
        for words in [
            &["remount", "rw"][..],
            &["rbind", "idmap"],
            &["rbind", "tmpcopyup"],
            &["rbind", "lowerdir=/etc"],
            &["rbind", "upperdir=/etc,workdir=/tmp"],
            &["rbind", "size=1m,mode=0777"],
            &["rbind", "context=x"],
            &["move"],
            &["rbind", "rw\0"],
        ] {
            let mounts = vec![bind("local", "/x", words)];
            let text = refusal(world.task("web").shell("true").option("mounts", Value::List(mounts))).await;
            assert!(text.contains("mounts"), "{words:?}: {text}");
        }
        for kind in
            ["overlay", "proc", "sysfs", "devtmpfs", "nfs", "bind\0", "cgroup", "ext4", "fuse", "TMPFS "]
        {
            let block = Value::from([
                ("type", Value::from(kind)),
                ("source", "local".into()),
                ("target", "/x".into()),
                ("options", vec!["rbind"].into()),
            ]);
            let text =
                refusal(world.task("web").shell("true").option("mounts", Value::List(vec![block]))).await;
            assert!(text.contains("mounts"), "{kind}: {text}");
        }
    });
}
