//! Which nodes are found, and which directories are refused.

use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::*;
use crate::testing::require_root;

fn node(path: &Path, minor: u32) {
    let numbers = rustix::fs::makedev(1, minor);
    rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o640), numbers).unwrap();
}

#[test]
fn the_null_device_has_its_well_known_numbers() {
    let nodes = inspect(Path::new("/dev/null")).unwrap();
    let [null] = nodes.as_slice() else { panic!("one node, not {nodes:?}") };
    assert_eq!((null.kind, null.major, null.minor, null.mode), (NodeKind::Char, 1, 3, 0o666));
    assert_eq!(null.relative, Path::new(""));
}

#[test]
fn a_directory_gives_every_node_beneath_it_and_follows_no_link() {
    require_root();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("by-id")).unwrap();
    node(&dir.path().join("b"), 5);
    node(&dir.path().join("by-id/a"), 3);
    std::fs::write(dir.path().join("file"), "").unwrap();
    symlink("/dev/zero", dir.path().join("link")).unwrap();
    symlink("/dev", dir.path().join("more")).unwrap();
    let nodes = inspect(dir.path()).unwrap();
    let found: Vec<_> = nodes.iter().map(|n| (n.relative.to_str().unwrap(), n.minor)).collect();
    assert_eq!(found, [("b", 5), ("by-id/a", 3)]);
}

#[test]
fn a_link_to_a_node_is_the_node() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/dev/zero", dir.path().join("link")).unwrap();
    assert_eq!(inspect(&dir.path().join("link")).unwrap()[0].minor, 5);
}

#[test]
fn what_is_no_device_is_told_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    for path in [dir.path().to_owned(), dir.path().join("file")] {
        assert!(matches!(inspect(&path), Err(DeviceError::NotDevice { .. })), "{path:?}");
    }
    let missing = inspect(&dir.path().join("none"));
    assert!(matches!(missing, Err(DeviceError::Io { source: Errno::NOENT, .. })));
}

#[test]
fn a_link_to_a_directory_is_the_directory() {
    require_root();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("real")).unwrap();
    node(&dir.path().join("real/a"), 3);
    symlink("real", dir.path().join("link")).unwrap();
    assert_eq!(inspect(&dir.path().join("link")).unwrap()[0].relative, Path::new("a"));
}

/// Makes `depth` directories in each other, whose path together is longer than any path may be; gives the innermost.
fn descend(root: &Path, depth: usize) -> OwnedFd {
    let mut here = rustix::fs::open(root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    for _ in 0..depth {
        rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
        here = rustix::fs::openat(&here, "d", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    }
    here
}

/// Removes them again, from the innermost on; the library's own way to do so keeps a descriptor for each.
fn ascend(mut here: OwnedFd, depth: usize) {
    for _ in 0..depth {
        here = rustix::fs::openat(&here, "..", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        rustix::fs::unlinkat(&here, "d", AtFlags::REMOVEDIR).unwrap();
    }
}

#[test]
fn a_directory_of_twenty_thousand_levels_is_refused_and_needs_no_stack() {
    // Some file systems of disks take a minute to remove such a directory.
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let innermost = descend(dir.path(), 20_000);
    let stack = std::thread::Builder::new().stack_size(128 * 1024);
    let path = dir.path().to_owned();
    let error = stack.spawn(move || inspect(&path)).unwrap().join().unwrap().unwrap_err();
    ascend(innermost, 20_000);
    assert_eq!(
        error.to_string(),
        format!(
            "{:?} has directories more than 8 levels deep; name the directory that has the devices",
            dir.path()
        )
    );
}

#[test]
fn the_deepest_directory_that_is_looked_at_gives_its_nodes() {
    require_root();
    let dir = tempfile::tempdir().unwrap();
    let deepest = dir.path().join("1/2/3/4/5/6/7/8");
    std::fs::create_dir_all(&deepest).unwrap();
    node(&deepest.join("a"), 3);
    assert_eq!(inspect(dir.path()).unwrap()[0].relative, Path::new("1/2/3/4/5/6/7/8/a"));
    std::fs::create_dir(deepest.join("9")).unwrap();
    assert!(matches!(inspect(dir.path()), Err(DeviceError::TooDeep { limit: 8, .. })));
}

#[test]
fn a_directory_with_more_nodes_than_a_task_can_have_is_refused() {
    require_root();
    let dir = tempfile::tempdir().unwrap();
    for number in 0..4096 {
        node(&dir.path().join(number.to_string()), 3);
    }
    assert_eq!(inspect(dir.path()).unwrap().len(), 4096);
    node(&dir.path().join("one-more"), 3);
    let error = inspect(dir.path()).unwrap_err();
    assert!(error.to_string().contains("has more than 4096 device nodes; name "), "{error}");
}

#[test]
fn what_is_too_deep_or_left_out_by_name_is_not_looked_at_where_that_is_said() {
    require_root();
    let dir = tempfile::tempdir().unwrap();
    for name in ["shm/deep", "a/shm", "a/b"] {
        std::fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    for (minor, name) in (1..).zip(["first", "shm/no", "a/shm/second", "a/b/third"]) {
        node(&dir.path().join(name), minor);
    }
    let look = |depth, entries| {
        let bounds = Bounds { depth, entries, nodes: 9, left_out: &["shm"], too_deep: TooDeep::LeaveOut };
        let object = staged::object_at(dir.path()).unwrap();
        let nodes = walk::nodes_beneath(dir.path(), object.as_fd(), &bounds)?;
        Ok::<_, DeviceError>(nodes.iter().map(|node| node.minor).collect::<Vec<_>>())
    };
    assert_eq!(look(2, 9).unwrap(), [4, 3, 1]);
    assert_eq!(look(1, 9).unwrap(), [1]);
    assert!(matches!(look(2, 3), Err(DeviceError::TooMany { what: "entries", limit: 3, .. })));
}

#[test]
fn the_hosts_devices_have_no_terminal_and_nothing_that_everybody_can_make() {
    let nodes = of_host().unwrap();
    assert!(nodes.iter().any(|node| node.relative == Path::new("null")));
    for left_out in ["pts", "ptmx", "console", "shm", "mqueue"] {
        assert!(!nodes.iter().any(|node| node.relative.starts_with(left_out)), "{left_out}");
    }
}
