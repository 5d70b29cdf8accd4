//! What a task can write never counts to the driver's own directory, which lies in the memory of the whole host.

use std::fs;
use std::os::unix::fs::MetadataExt;

use e2e::{SharedMount, World, test_with};
use rustix::mount::{MountFlags, mount_remount};

use super::{Security, others_run};

/// How large the driver's own file system is here.
const BYTES: u64 = 8 << 20;

/// What is in use of a file system, in bytes.
fn in_use(place: &SharedMount) -> u64 {
    let found = rustix::fs::statvfs(place.path()).unwrap();
    (found.f_blocks - found.f_bfree) * found.f_frsize
}

/// A world whose `state_dir` has a small file system of its own.
fn with_own_state_dir(security: Security, body: impl AsyncFnOnce(&World, &SharedMount)) {
    let place = SharedMount::new();
    mount_remount(place.path(), MountFlags::empty(), format!("size={BYTES}").as_str()).unwrap();
    let state = place.directory("state").display().to_string();
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let setup = security.setup().and("state_dir", state);
    test_with(setup, async |world| body(world, &place).await);
    assert_eq!(fs::read_dir(place.path().join("state/tasks")).unwrap().count(), 0);
}

#[test]
fn a_task_that_fills_its_network_files_fills_nothing_else() {
    for security in [Security::Strict, Security::Default] {
        with_own_state_dir(security, async |world, place| {
            let task = world.task("web").shell("sleep 1000").with(|task| task.memory_mb(64)).start().await;
            let before = in_use(place);
            for file in ["hosts", "resolv.conf", "hostname"] {
                // Each of them alone, and all of them together.
                let filled = task.run(&format!("dd if=/dev/zero of=/etc/{file} bs=64k count=1024")).await;
                assert_ne!(filled.exit.code, 0, "{file}: {filled:?}");
                let said = String::from_utf8_lossy(&filled.stderr).into_owned();
                assert!(said.contains("No space left"), "{file}: {said}");
            }
            let sizes = task.read("cat /etc/hosts /etc/resolv.conf /etc/hostname | wc -c").await;
            let bytes: u64 = sizes.trim().parse().unwrap();
            assert!(bytes <= 1 << 20, "{bytes} bytes were written");
            assert_eq!(in_use(place), before);
            others_run(world).await;
            // Nothing can be made beside them, nor can one of them take another place.
            for attempt in ["rm /etc/hosts", "mv /etc/hosts /etc/other", "ln /etc/hosts /etc/other"] {
                assert_ne!(task.run(attempt).await.exit.code, 0, "{attempt}");
            }
        });
    }
}

#[test]
fn nothing_that_is_mounted_in_a_task_lies_on_the_drivers_own_file_system() {
    for (security, privileged) in
        [(Security::Strict, false), (Security::Default, false), (Security::Default, true)]
    {
        with_own_state_dir(security, async |world, place| {
            let setup = world.task("web").shell("sleep 1000");
            let task = if privileged { setup.option("privileged", true) } else { setup }.start().await;
            // Commands have pipes in it, which hold nothing.
            let session = task.session(&["/bin/sh", "-c", "sleep 1000"], false).await;
            let device = fs::metadata(place.path()).unwrap().dev();
            let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
            let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", task.pid().await)).unwrap();
            let on_it: Vec<&str> =
                mounts.lines().filter(|line| line.split(' ').nth(2) == Some(&device)).collect();
            assert_eq!(on_it, [""; 0]);
            drop(session);
        });
    }
}

#[test]
fn a_full_state_dir_is_told_and_tasks_that_run_go_on() {
    with_own_state_dir(Security::Strict, async |world, place| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let filler = place.path().join("filler");
        let full = std::io::copy(&mut std::io::repeat(0), &mut fs::File::create(&filler).unwrap());
        assert!(full.is_err());
        for number in 0..1_000_000 {
            if fs::write(place.path().join(format!("filler-{number}")), "x").is_err() {
                break;
            }
        }
        let text = world.task("none").shell("true").refusal().await;
        assert!(text.contains("No space left"), "{text}");
        task.stop(std::time::Duration::ZERO, "").await.unwrap();
        for entry in fs::read_dir(place.path()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("filler") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        others_run(world).await;
    });
}
