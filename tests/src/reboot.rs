//! What a restart of the host takes away: all that lies on a tmpfs or in the kernel alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

use crate::cgroup;
use crate::daemon::Daemon;
use crate::wait::until_true;

/// Where the shims for runc have its records, by namespace and container (containerd, `pkg/process`, `RuncRoot`), and
/// their sockets (containerd, `pkg/shim`, `SocketAddress`).
const RUNC: &str = "/run/containerd/runc";

/// Takes from a killed daemon of the test's own what it and the runtime have of a container whose processes are dead:
/// the state directory with the mounts in it, the shim's socket, the runtime's record, the cgroups. What lies on a disk
/// stays.
pub async fn lose(daemon: &Daemon, container: &str, alloc_id: &str) {
    let state = &daemon.instance().state;
    let sockets = sockets(state);
    assert!(!sockets.is_empty(), "no shim has told its socket in {}", state.display());
    unmount_beneath(state);
    fs::remove_dir_all(state).unwrap();
    let records = fs::read_dir(RUNC).unwrap().flatten().map(|namespace| namespace.path().join(container));
    for record in records.filter(|record| record.exists()) {
        fs::remove_dir_all(record).unwrap();
    }
    for socket in sockets {
        assert!(removed(fs::remove_file(&socket)), "{}", socket.display());
    }
    for directory in cgroup::directories_with(alloc_id).into_iter().rev() {
        // Of a killed process the kernel takes leave in its own time.
        until_true("an empty cgroup", || removed(fs::remove_dir(&directory))).await;
    }
}

/// Hierarchies that lie in one another's place show the same cgroup twice.
fn removed(outcome: std::io::Result<()>) -> bool {
    outcome.map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true)
}

/// The sockets of shims, recorded alone in a file up to 1.6, beside other things from 1.7 on.
fn sockets(state: &Path) -> Vec<PathBuf> {
    let of_namespace = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let namespaces = of_namespace(state.join("io.containerd.runtime.v2.task"));
    let bundles = namespaces.flat_map(|namespace| of_namespace(namespace.path()));
    bundles.filter_map(|bundle| socket(&bundle.path())).collect()
}

fn socket(bundle: &Path) -> Option<PathBuf> {
    let alone = fs::read_to_string(bundle.join("address")).ok();
    let address = alone.or_else(|| {
        let told: serde_json::Value =
            serde_json::from_slice(&fs::read(bundle.join("bootstrap.json")).ok()?).ok()?;
        Some(told["address"].as_str()?.to_owned())
    })?;
    address.strip_prefix("unix://").map(PathBuf::from)
}

fn unmount_beneath(directory: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    // Later mounts may lie on earlier ones.
    for point in points.filter(|point| point.starts_with(directory)).collect::<Vec<_>>().into_iter().rev() {
        unmount(point, UnmountFlags::DETACH).unwrap();
    }
}
