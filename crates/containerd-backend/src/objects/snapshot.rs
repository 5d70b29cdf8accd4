//! Snapshots by name.

use containerd_client::services::v1::snapshots::{RemoveSnapshotRequest, StatSnapshotRequest};

use crate::grpc::daemon::Daemon;
use crate::grpc::error::{RpcError, gone_is_fine};

/// Whether a committed snapshot of this chain id is there.
pub(crate) async fn exists(daemon: &Daemon, snapshotter: &str, chain_id: &str) -> Result<bool, RpcError> {
    let request = StatSnapshotRequest { snapshotter: snapshotter.to_owned(), key: chain_id.to_owned() };
    let mut snapshots = daemon.snapshots();
    match daemon.call("look for a snapshot", chain_id, snapshots.stat(request)).await {
        Ok(_) => Ok(true),
        Err(refused) if refused.is_not_found() => Ok(false),
        Err(refused) => Err(refused),
    }
}

/// Removes a snapshot; gone is success.
pub(crate) async fn remove(daemon: &Daemon, snapshotter: &str, key: &str) -> Result<(), RpcError> {
    let request = RemoveSnapshotRequest { snapshotter: snapshotter.to_owned(), key: key.to_owned() };
    let mut snapshots = daemon.snapshots();
    gone_is_fine(daemon.call("remove the snapshot", key, snapshots.remove(request)).await.map(drop))
}
