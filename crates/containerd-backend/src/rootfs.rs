//! The writable root file system of a task.

use std::collections::BTreeMap;
use std::time::Duration;

use containerd_client::services::v1::snapshots::PrepareSnapshotRequest;
use containerd_client::types::Mount;
use driver_core::ids::ContainerId;
use driver_core::ports::{Image, Rootfs, RootfsMount};

use crate::daemon::Daemon;
use crate::lease;
use crate::refused::Refused;

/// How long a snapshot is kept when no container record follows, because the driver died.
const LEASE_LIFETIME: Duration = Duration::from_secs(3600);

/// Prepares the snapshot under a lease with the labels; both are named like the container.
pub(crate) async fn prepare(
    daemon: &Daemon,
    snapshotter: &str,
    id: &ContainerId,
    image: &Image,
    labels: &BTreeMap<String, String>,
) -> Result<Rootfs, Refused> {
    let key = id.as_str();
    let leased = lease::create(daemon, key, LEASE_LIFETIME, labels).await?;
    let request = PrepareSnapshotRequest {
        snapshotter: snapshotter.to_owned(),
        key: key.to_owned(),
        parent: image.chain_id.clone(),
        labels: [].into(),
    };
    let mut snapshots = leased.snapshots();
    let prepared = leased.call("prepare the root file system", key, snapshots.prepare(request)).await?;
    Ok(Rootfs { mounts: prepared.mounts.into_iter().map(from_wire).collect() })
}

fn from_wire(mount: Mount) -> RootfsMount {
    RootfsMount { kind: mount.r#type, source: mount.source, options: mount.options }
}

/// The mounts as `Tasks.Create` wants them.
pub(crate) fn to_wire(rootfs: &Rootfs) -> Vec<Mount> {
    let mount = |mount: &RootfsMount| Mount {
        r#type: mount.kind.clone(),
        source: mount.source.clone(),
        target: String::new(),
        options: mount.options.clone(),
    };
    rootfs.mounts.iter().map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_go_to_the_task_as_they_came_from_the_snapshotter() {
        let mount = Mount {
            r#type: "overlay".into(),
            source: "overlay".into(),
            target: String::new(),
            options: vec!["lowerdir=/a".into()],
        };
        let rootfs = Rootfs { mounts: vec![from_wire(mount.clone())] };
        assert_eq!(to_wire(&rootfs), [mount]);
    }
}
