//! Staging in a mount namespace of the test's own, so that a failed test leaves no mount.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::mount::{MountFlags, mount};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::*;
use crate::testing::{Kernel, require_root};
use crate::{beneath, fifo};

/// Runs `test` on both kernels with a shared tmpfs that has an empty `task` and `stage`, as a host's /run is shared.
fn with_shared_root(test: impl Fn(&Path) + Sync) {
    for kernel in [Kernel::Own, Kernel::Old] {
        with_shared_root_on(kernel, &test);
    }
}

fn with_shared_root_on(kernel: Kernel, test: &(impl Fn(&Path) + Sync)) {
    require_root();
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let body = scope.spawn(|| {
            kernel.enter();
            #[expect(unsafe_code, reason = "a thread's namespaces cannot be left in a safe way")]
            // SAFETY: the table of file descriptors stays shared with the other threads.
            unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            mount("tmpfs", dir.path(), "tmpfs", MountFlags::empty(), None).unwrap();
            mount_change(dir.path(), MountPropagationFlags::SHARED).unwrap();
            fs::create_dir(dir.path().join("task")).unwrap();
            fs::create_dir(dir.path().join("stage")).unwrap();
            test(dir.path());
        });
        body.join().unwrap();
    });
}

fn object(root: &Path, path: &str) -> OwnedFd {
    beneath::resolve(beneath::open_root(&root.join("task")).unwrap().as_fd(), Path::new(path)).unwrap()
}

fn mounted(path: &Path) -> bool {
    let table = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    table.lines().any(|line| line.split(' ').nth(4) == path.to_str())
}

#[test]
fn the_checked_file_stays_mounted_when_its_path_is_swapped() {
    with_shared_root(|root| {
        let path = root.join("task/file");
        fs::write(&path, "checked").unwrap();
        let object = object(root, "file");
        fs::rename(&path, root.join("task/elsewhere")).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        let staged = stage(object.as_fd(), &root.join("stage"), "a", (Spread::Private, Reach::Tree)).unwrap();
        assert_eq!(fs::read_to_string(&staged).unwrap(), "checked");
        unstage(&root.join("stage"), "a").unwrap();
        assert!(!staged.exists());
    });
}

#[test]
fn a_checked_file_that_was_removed_is_an_error_and_leaves_nothing() {
    with_shared_root(|root| {
        fs::write(root.join("task/file"), "checked").unwrap();
        let object = object(root, "file");
        fs::remove_file(root.join("task/file")).unwrap();
        let error =
            stage(object.as_fd(), &root.join("stage"), "a", (Spread::Private, Reach::Tree)).unwrap_err();
        assert_eq!(error.source, Errno::NOENT);
        assert_eq!(fs::read_dir(root.join("stage")).unwrap().count(), 0);
    });
}

#[test]
fn a_fifo_is_staged_as_itself() {
    with_shared_root(|root| {
        fifo::make(&root.join("task/out")).unwrap();
        let staged =
            stage(object(root, "out").as_fd(), &root.join("stage"), "out", (Spread::Private, Reach::Tree))
                .unwrap();
        let _reader = fifo::open_read(&root.join("task/out")).unwrap();
        fifo::open_write(&staged).unwrap();
        unstage(&root.join("stage"), "out").unwrap();
        assert_eq!(fs::read_dir(root.join("stage")).unwrap().count(), 0);
    });
}

#[test]
fn mounts_beneath_a_directory_come_along_and_survive_its_unstaging() {
    for spread in [Spread::Private, Spread::FromHost, Spread::Both] {
        with_shared_root(|root| {
            let inner = root.join("task/dir/inner");
            fs::create_dir_all(&inner).unwrap();
            mount("tmpfs", &inner, "tmpfs", MountFlags::empty(), None).unwrap();
            fs::write(inner.join("file"), "x").unwrap();
            let staged =
                stage(object(root, "dir").as_fd(), &root.join("stage"), "d", (spread, Reach::Tree)).unwrap();
            assert_eq!(fs::read_to_string(staged.join("inner/file")).unwrap(), "x");
            unstage(&root.join("stage"), "d").unwrap();
            assert!(mounted(&inner), "{spread:?}: the host's own mount is still there");
            assert!(!staged.exists());
        });
    }
}

#[test]
fn later_mounts_spread_as_asked() {
    for (spread, in_staged, on_host) in
        [(Spread::Private, false, false), (Spread::FromHost, true, false), (Spread::Both, true, true)]
    {
        with_shared_root(|root| {
            for name in ["by-host", "by-task"] {
                fs::create_dir_all(root.join("task/dir").join(name)).unwrap();
            }
            let staged =
                stage(object(root, "dir").as_fd(), &root.join("stage"), "d", (spread, Reach::Tree)).unwrap();
            let by_host = root.join("task/dir/by-host");
            mount("tmpfs", &by_host, "tmpfs", MountFlags::empty(), None).unwrap();
            assert_eq!(mounted(&staged.join("by-host")), in_staged, "{spread:?}");
            mount("tmpfs", staged.join("by-task"), "tmpfs", MountFlags::empty(), None).unwrap();
            assert_eq!(mounted(&root.join("task/dir/by-task")), on_host, "{spread:?}");
            unstage(&root.join("stage"), "d").unwrap();
            assert!(mounted(&by_host), "{spread:?}");
        });
    }
}

#[test]
fn an_object_alone_comes_without_what_is_mounted_beneath_it_and_still_gets_what_is_mounted_later() {
    with_shared_root(|root| {
        for name in ["inner", "later"] {
            fs::create_dir_all(root.join("task/dir").join(name)).unwrap();
        }
        fs::write(root.join("task/dir/inner/covered"), "").unwrap();
        mount("tmpfs", root.join("task/dir/inner"), "tmpfs", MountFlags::empty(), None).unwrap();
        let how = (Spread::FromHost, Reach::Object);
        let staged = stage(object(root, "dir").as_fd(), &root.join("stage"), "d", how).unwrap();
        assert!(staged.join("inner/covered").exists());
        mount("tmpfs", root.join("task/dir/later"), "tmpfs", MountFlags::empty(), None).unwrap();
        assert!(mounted(&staged.join("later")));
        unstage(&root.join("stage"), "d").unwrap();
        assert!(mounted(&root.join("task/dir/later")));
    });
}

#[test]
fn what_lies_at_a_path_of_the_host_is_found_through_links_and_staged_whatever_it_is() {
    with_shared_root(|root| {
        let (task, stage_dir) = (root.join("task"), root.join("stage"));
        fs::write(task.join("file"), "").unwrap();
        fifo::make(&task.join("pipe")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(task.join("socket")).unwrap();
        symlink("/dev/null", task.join("device")).unwrap();
        symlink("file", task.join("link")).unwrap();
        for name in ["file", "pipe", "socket", "device", "link"] {
            let found = object_at(&task.join(name)).unwrap();
            let how = (Spread::Private, Reach::Object);
            let staged = stage(found.as_fd(), &stage_dir, name, how).unwrap();
            let [staged, wanted] = [staged, task.join(name)].map(|path| rustix::fs::stat(path).unwrap());
            assert_eq!((staged.st_dev, staged.st_ino), (wanted.st_dev, wanted.st_ino), "{name}");
            unstage(&stage_dir, name).unwrap();
        }
        let error = object_at(&task.join("none")).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    });
}

#[test]
fn what_is_not_there_is_unstaged_already() {
    with_shared_root(|root| {
        unstage(&root.join("stage"), "none").unwrap();
        unstage(&root.join("no-directory"), "none").unwrap();
        fs::write(root.join("stage/left"), "").unwrap();
        fs::create_dir(root.join("stage/behind")).unwrap();
        unstage(&root.join("stage"), "left").unwrap();
        unstage(&root.join("stage"), "behind").unwrap();
        assert_eq!(fs::read_dir(root.join("stage")).unwrap().count(), 0);
    });
}

#[test]
fn a_name_that_is_taken_is_an_error_and_stays_as_it_was() {
    with_shared_root(|root| {
        fs::write(root.join("task/file"), "new").unwrap();
        fs::write(root.join("stage/a"), "old").unwrap();
        let error =
            stage(object(root, "file").as_fd(), &root.join("stage"), "a", (Spread::Private, Reach::Tree));
        assert_eq!(error.unwrap_err().source, Errno::EXIST);
        assert_eq!(fs::read_to_string(root.join("stage/a")).unwrap(), "old");
    });
}

#[test]
fn what_is_mounted_over_the_object_meanwhile_is_not_staged() {
    with_shared_root(|root| {
        let dir = root.join("task/dir");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("checked"), "").unwrap();
        let object = object(root, "dir");
        mount("tmpfs", &dir, "tmpfs", MountFlags::empty(), None).unwrap();
        let how = (Spread::Private, Reach::Object);
        let staged = stage(object.as_fd(), &root.join("stage"), "d", how).unwrap();
        assert!(staged.join("checked").exists());
        unstage(&root.join("stage"), "d").unwrap();
        assert!(mounted(&dir));
    });
}

#[test]
fn an_empty_path_leads_nowhere() {
    with_shared_root(|_| {
        assert_eq!(object_at(Path::new("")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    });
}

#[test]
fn a_memory_file_system_holds_what_fits_and_goes_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let path = scratch(dir.path(), "files", 64 * 1024).unwrap();
    std::fs::write(path.join("hosts"), "127.0.0.1 localhost").unwrap();
    let full = std::fs::write(path.join("more"), vec![b'x'; 128 * 1024]).unwrap_err();
    assert_eq!(full.raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
    assert!(scratch(dir.path(), "files", 4096).is_err());
    unstage(dir.path(), "files").unwrap();
    unstage(dir.path(), "files").unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
