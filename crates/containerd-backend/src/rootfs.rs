//! The writable root file system of a task.

use std::collections::BTreeMap;
use std::time::Duration;

use containerd_client::services::v1::snapshots::{
    Kind, MountsRequest, PrepareSnapshotRequest, StatSnapshotRequest,
};
use containerd_client::types::Mount;
use driver_core::ports::{Image, Rootfs, RootfsMount, TaskState};
use driver_core::request::ids::ContainerId;

use crate::daemon::Daemon;
use crate::refused::Refused;
use crate::{lease, records, tasks};

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

/// The snapshot of a container without a task, when its parent is the image; the container's record is deleted.
pub(crate) async fn reuse(
    daemon: &Daemon,
    snapshotter: &str,
    id: &ContainerId,
    image: &Image,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Rootfs>, Refused> {
    let key = id.as_str();
    let is_kept = match records::get(daemon, key).await? {
        Some(record) => record.snapshotter == snapshotter && record.snapshot_key == key,
        None => false,
    };
    if !is_kept
        || tasks::state(daemon, key).await? != TaskState::Absent
        || !is_of(daemon, snapshotter, key, image).await?
    {
        return Ok(None);
    }
    // From the record's protection into that of a lease, without a moment between them.
    lease::create(daemon, key, LEASE_LIFETIME, labels).await?;
    lease::hold_snapshot(daemon, key, snapshotter, key).await?;
    let request = MountsRequest { snapshotter: snapshotter.to_owned(), key: key.to_owned() };
    let mut snapshots = daemon.snapshots();
    let mounted =
        daemon.call("look for the root file system's mounts", key, snapshots.mounts(request)).await?;
    records::delete(daemon, key).await?;
    Ok(Some(Rootfs { mounts: mounted.mounts.into_iter().map(from_wire).collect() }))
}

/// Whether there is a writable snapshot on top of the image.
async fn is_of(daemon: &Daemon, snapshotter: &str, key: &str, image: &Image) -> Result<bool, Refused> {
    let request = StatSnapshotRequest { snapshotter: snapshotter.to_owned(), key: key.to_owned() };
    let mut snapshots = daemon.snapshots();
    match daemon.call("look for the root file system", key, snapshots.stat(request)).await {
        Ok(found) => {
            Ok(found.info.is_some_and(|info| info.kind() == Kind::Active && info.parent == image.chain_id))
        }
        Err(refused) if refused.is_not_found() => Ok(false),
        Err(refused) => Err(refused),
    }
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
