//! `devices`, which may name a directory of the host: of any depth and size.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use e2e::{SharedMount, test};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};

use super::{others_run, refusal};

/// A chain of directories that is longer than any path, made and removed step by step.
struct Deep {
    root: PathBuf,
    levels: usize,
}

const STEP: &str = "d";

fn enter(directory: &OwnedFd, name: &str) -> OwnedFd {
    openat(
        directory,
        name,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .unwrap()
}

fn open(path: &Path) -> OwnedFd {
    openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

impl Deep {
    fn new(root: PathBuf, levels: usize) -> Self {
        fs::create_dir(&root).unwrap();
        let mut here = open(&root);
        for _ in 0..levels {
            mkdirat(&here, STEP, Mode::RWXU).unwrap();
            here = enter(&here, STEP);
        }
        Self { root, levels }
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        let mut here = open(&self.root);
        for _ in 0..self.levels {
            here = enter(&here, STEP);
        }
        for _ in 0..self.levels {
            here = enter(&here, "..");
            unlinkat(&here, STEP, AtFlags::REMOVEDIR).unwrap();
        }
        fs::remove_dir(&self.root).unwrap();
    }
}

#[test]
fn directories_of_any_depth_and_size_are_refused_and_the_plugin_lives() {
    test(async |world| {
        let own = SharedMount::new();
        let place = own.path();
        let deep = Deep::new(place.join("deep"), 20_000);
        let (wide, large, empty) = (place.join("wide"), place.join("large"), place.join("empty"));
        [&wide, &large, &empty].iter().for_each(|path| fs::create_dir(path).unwrap());
        for number in 0..5000 {
            fs::write(wide.join(format!("file-{number}")), "").unwrap();
        }
        for number in 0..66_000 {
            fs::write(large.join(number.to_string()), "").unwrap();
        }
        for (path, told) in [
            (deep.root.as_path(), "levels deep"),
            (&wide, "is not a device"),
            (&large, "entries"),
            (&empty, "is not a device"),
            (Path::new("/etc"), "is not a device"),
            (Path::new("/proc"), ""),
            (Path::new("/sys"), ""),
            (Path::new("/"), ""),
            (Path::new("/dev/no-such"), ""),
        ] {
            let shown = path.display().to_string();
            let text = refusal(world.task("web").shell("true").option("devices", vec![shown.as_str()])).await;
            assert!(text.starts_with(&format!("devices = {shown:?}")) && text.contains(told), "{text}");
        }
        others_run(world).await;
        drop(deep);
    });
}

#[test]
fn a_deep_directory_of_the_host_does_not_keep_a_privileged_task_from_its_devices() {
    test(async |world| {
        let place = tempfile::Builder::new().prefix("containerd-driver-e2e.").tempdir_in("/dev/shm").unwrap();
        let deep = Deep::new(place.path().join("deep"), 20_000);
        let task = world.task("web").shell("sleep 1000").option("privileged", true).start().await;
        task.read("test -c /dev/kmsg && test -c /dev/fuse").await;
        drop(deep);
    });
}

#[test]
fn many_devices_of_one_job_are_given_or_refused_at_once() {
    test(async |world| {
        let all: Vec<String> = (0..3000).map(|number| format!("/dev/null:/dev/n{number}:rwm")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let task = world.task("web").shell("sleep 1000").option("devices", all).start().await;
        assert_eq!(task.read("ls /dev | grep -c ^n[0-9]").await, "3000\n");
        others_run(world).await;
    });
}
