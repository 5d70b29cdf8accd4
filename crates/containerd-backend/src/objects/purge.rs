//! Removing all of a container, in the order that containerd does not enforce.

use std::sync::Arc;

use driver_core::request::ids::ContainerId;

use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::health::features::Features;
use crate::objects::container;
use crate::objects::lease;
use crate::objects::sandbox;
use crate::objects::snapshot;
use crate::objects::task;
use crate::quirks::orphan_shims::{self, Orphans};
use crate::quirks::runc_leftovers;

/// Removes whatever there is of this id. One failure is reported; the rest is attempted all the same, except
/// that a task or a sandbox record which could not be removed keeps its container's record and its file system: without
/// them it could not be found any more.
pub(crate) async fn purge(
    daemon: &Daemon,
    features: Result<Arc<Features>, RpcError>,
    snapshotter: &str,
    id: &ContainerId,
) -> Result<(), RpcError> {
    let id = id.as_str();
    let (record, task) = tokio::join!(container::get(daemon, id), task::remove(daemon, id));
    let is_deleted = task?;
    let runtime = runc_leftovers::remove(daemon, id).await;
    if !is_deleted && orphan_shims::end(daemon, id).await == Orphans::Held {
        // Its task came about only now.
        task::remove(daemon, id).await?;
    }
    // A record of an earlier configuration, or of another driver, has another snapshotter or key.
    let (snapshotter, key) = match record? {
        Some(container) if !container.snapshot_key.is_empty() => {
            (container.snapshotter, container.snapshot_key)
        }
        _ => (snapshotter.to_owned(), id.to_owned()),
    };
    // Nothing leads to it once the record and the lease are gone.
    if features?.has_sandboxes() {
        sandbox::delete(daemon, id).await?;
    }
    let results = [
        runtime,
        container::delete(daemon, id).await,
        snapshot::remove(daemon, &snapshotter, &key).await,
        lease::delete(daemon, id, lease::End::Later).await,
    ];
    let mut failures: Vec<RpcError> = results.into_iter().filter_map(Result::err).collect();
    // What the daemon's absence interrupted is finished later, whatever else failed.
    failures.sort_by_key(|refused| !refused.is_lost());
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else { return Ok(()) };
    for further in failures {
        tracing::warn!(container = id, error = ?further, "not everything could be removed");
    }
    Err(first)
}
