//! The writable root file system of a task.

use std::collections::BTreeMap;
use std::time::Duration;

use containerd_client::services::v1::snapshots::{
    Kind, MountsRequest, PrepareSnapshotRequest, StatSnapshotRequest,
};
use driver_core::ports::{Image, Rootfs, TaskState};
use driver_core::request::ids::ContainerId;

use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::grpc::wire;
use crate::objects::container;
use crate::objects::lease;
use crate::objects::task;

/// How long a snapshot is kept when no container record follows, because the driver died.
const LEASE_LIFETIME: Duration = Duration::from_secs(3600);

/// Prepares the snapshot under a lease with the labels; both are named like the container.
pub(crate) async fn prepare(
    daemon: &Daemon,
    snapshotter: &str,
    id: &ContainerId,
    image: &Image,
    labels: &BTreeMap<String, String>,
) -> Result<Rootfs, RpcError> {
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
    Ok(Rootfs { mounts: prepared.mounts.into_iter().map(wire::mount_from_wire).collect() })
}

/// The snapshot of a container without a task, when its parent is the image; the container's record is deleted.
pub(crate) async fn reuse(
    daemon: &Daemon,
    snapshotter: &str,
    id: &ContainerId,
    image: &Image,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Rootfs>, RpcError> {
    let key = id.as_str();
    let is_kept = match container::get(daemon, key).await? {
        Some(record) => record.snapshotter == snapshotter && record.snapshot_key == key,
        None => false,
    };
    if !is_kept
        || task::state(daemon, key).await? != TaskState::Absent
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
    container::delete(daemon, key).await?;
    Ok(Some(Rootfs { mounts: mounted.mounts.into_iter().map(wire::mount_from_wire).collect() }))
}

/// Whether there is a writable snapshot on top of the image.
async fn is_of(daemon: &Daemon, snapshotter: &str, key: &str, image: &Image) -> Result<bool, RpcError> {
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
