//! Layers into committed snapshots.

use bytes::Bytes;
use containerd_client::services::v1::ApplyRequest;
use containerd_client::services::v1::snapshots::{CommitSnapshotRequest, PrepareSnapshotRequest};
use containerd_client::types::Mount;

use super::InstallError;
use super::content;
use super::labels::SNAPSHOT_REF;
use super::locks::KeyedLocks;
use super::media_types::{is_plain_layer, layer_for_differ};
use super::model::Descriptor;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::objects::{lease, snapshot};

/// The snapshotter, during one pull or import.
pub(crate) struct Unpacker<'a> {
    /// The daemon, under the lease.
    pub(crate) daemon: &'a Daemon,
    /// The lease.
    pub(crate) lease: &'a str,
    /// The snapshotter's name.
    pub(crate) snapshotter: &'a str,
    /// Locks of this process.
    pub(crate) locks: &'a KeyedLocks,
}

/// One layer that is to be unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerStep<'a> {
    /// The packed layer, present in the content store.
    pub(crate) blob: &'a Descriptor,
    /// Digest of the unpacked archive.
    pub(crate) diff_id: &'a str,
    /// Chain id of the layer below, or empty.
    pub(crate) parent: &'a str,
    /// Chain id of this layer: the snapshot's name.
    pub(crate) chain_id: &'a str,
}

impl Unpacker<'_> {
    /// Whether the snapshot is there; then it is put under the lease, so that it stays.
    pub(crate) async fn hold(&self, chain_id: &str) -> Result<bool, RpcError> {
        if !snapshot::exists(self.daemon, self.snapshotter, chain_id).await? {
            return Ok(false);
        }
        lease::hold_snapshot(self.daemon, self.lease, self.snapshotter, chain_id).await?;
        // Looked at once more: it may have been collected before the lease had it.
        snapshot::exists(self.daemon, self.snapshotter, chain_id).await
    }

    /// Unpacks a layer whose lower layers are unpacked. One that is unpacked already is success.
    pub(crate) async fn unpack(&self, layer: LayerStep<'_>) -> Result<(), InstallError> {
        let _one_unpacker =
            self.locks.lock(format!("snapshot {} {}", self.snapshotter, layer.chain_id)).await;
        if self.hold(layer.chain_id).await? {
            return Ok(());
        }
        let key = format!("extract-{:016x} {}", rand::random::<u64>(), layer.chain_id);
        let mounts = match self.prepare(&key, layer).await {
            Ok(mounts) => mounts,
            // Another client was faster, or the snapshotter has fetched the layer by itself.
            Err(refused) if refused.is_already_there() => {
                self.hold(layer.chain_id).await?;
                return Ok(());
            }
            Err(refused) => return Err(refused.into()),
        };
        let done = self.fill(&key, layer, mounts).await;
        if done.is_err() {
            // The first failure is the one to report; what stays is collected when the lease ends.
            let _ = snapshot::remove(self.daemon, self.snapshotter, &key).await;
        }
        done
    }

    async fn prepare(&self, key: &str, layer: LayerStep<'_>) -> Result<Vec<Mount>, RpcError> {
        let request = PrepareSnapshotRequest {
            snapshotter: self.snapshotter.to_owned(),
            key: key.to_owned(),
            parent: layer.parent.to_owned(),
            labels: [(SNAPSHOT_REF.to_owned(), layer.chain_id.to_owned())].into(),
        };
        let mut snapshots = self.daemon.snapshots();
        let call = snapshots.prepare(request);
        Ok(self.daemon.call("prepare a snapshot for a layer", layer.chain_id, call).await?.mounts)
    }

    async fn fill(&self, key: &str, layer: LayerStep<'_>, mounts: Vec<Mount>) -> Result<(), InstallError> {
        let media_type = &layer.blob.media_type;
        let magic = match is_plain_layer(media_type) {
            true => content::magic(self.daemon, layer.blob).await?,
            false => Bytes::new(),
        };
        let mut blob = layer.blob.to_wire();
        blob.media_type = layer_for_differ(media_type, &magic);
        let request = ApplyRequest { diff: Some(blob), mounts, payloads: [].into(), sync_fs: false };
        let mut diff = self.daemon.diff();
        let call = diff.apply(request);
        let applied = self.daemon.long_call("unpack a layer", &layer.blob.digest, call).await?.applied;
        let actual = applied.unwrap_or_default().digest;
        if actual != layer.diff_id {
            return Err(InstallError::DiffId {
                layer: layer.blob.digest.clone(),
                actual,
                expected: layer.diff_id.to_owned(),
            });
        }
        let request = CommitSnapshotRequest {
            snapshotter: self.snapshotter.to_owned(),
            name: layer.chain_id.to_owned(),
            key: key.to_owned(),
            labels: [(SNAPSHOT_REF.to_owned(), layer.chain_id.to_owned())].into(),
        };
        let mut snapshots = self.daemon.snapshots();
        let call = snapshots.commit(request);
        let committed = self.daemon.call("commit a layer's snapshot", layer.chain_id, call).await.map(drop);
        match committed {
            Err(refused) if refused.is_already_there() => {
                self.hold(layer.chain_id).await?;
                Ok(snapshot::remove(self.daemon, self.snapshotter, key).await?)
            }
            other => Ok(other?),
        }
    }
}
