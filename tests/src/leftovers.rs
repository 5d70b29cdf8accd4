//! What a test left behind of its allocations, in containerd and on the host.

use std::fs;
use std::path::Path;

use crate::cgroup;
use crate::daemon::Daemon;

/// Everything that carries the allocation's id, or lies in the driver's own directory, one line each.
pub fn of(daemon: &Daemon, alloc_id: &str, state_dir: &Path) -> Vec<String> {
    let mut left = in_containerd(daemon, alloc_id);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    left.extend(mounts.lines().filter(|line| line.contains(alloc_id)).map(|line| format!("mount: {line}")));
    left.extend(cgroup::directories_with(alloc_id).iter().map(|path| format!("cgroup {}", path.display())));
    let files = fs::read_dir(state_dir.join("tasks")).into_iter().flatten().flatten();
    left.extend(files.map(|entry| format!("directory {}", entry.path().display())));
    left
}

/// The same in containerd alone.
pub fn in_containerd(daemon: &Daemon, alloc_id: &str) -> Vec<String> {
    let mut lists = vec![
        ("container", &["containers", "list", "-q"][..]),
        ("task", &["tasks", "list", "-q"]),
        ("lease", &["leases", "list", "-q"]),
        ("snapshot", &["snapshots", "list"]),
    ];
    if daemon.has_sandboxes() {
        lists.push(("sandbox", &["sandboxes", "list"]));
    }
    let mut left = Vec::new();
    for (kind, arguments) in lists {
        let said = daemon.ctr(arguments);
        let names = said.lines().filter_map(|line| line.split_whitespace().next());
        left.extend(names.filter(|name| name.contains(alloc_id)).map(|name| format!("{kind} {name}")));
    }
    left
}

/// Removes what [`in_containerd`] found, so that one test's failure does not become that of the whole run. Sandbox
/// records stay: `ctr` only removes those of sandboxes that there are (containerd 2.1, `sandboxClient.Shutdown`).
pub fn remove(daemon: &Daemon, left: &[String]) {
    for (kind, verb) in [
        ("task", &["tasks", "delete", "--force"][..]),
        ("container", &["containers", "delete"]),
        ("snapshot", &["snapshots", "remove"]),
        ("lease", &["leases", "delete"]),
    ] {
        for name in left.iter().filter_map(|line| line.strip_prefix(&format!("{kind} "))) {
            let _already_reported = daemon.try_ctr(&[verb, &[name]].concat());
        }
    }
}
