//! Leases: what is made under one is not collected until it is deleted or expires.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use containerd_client::services::v1::{
    AddResourceRequest, CreateRequest, DeleteRequest, ListRequest, Resource,
};
use driver_core::ports::ContainerRecord;
use driver_core::request::ids::ContainerId;

use crate::grpc::daemon::Daemon;
use crate::grpc::error::{RpcError, gone_is_fine};
use crate::grpc::filter;
use crate::grpc::time;

/// Label of a lease with the moment of its end, the backstop for a driver that dies.
const EXPIRE: &str = "containerd.io/gc.expire";

/// When what a lease alone has kept is removed after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// When containerd collects the next time, which may be long after.
    Later,
    /// At once, before the deletion returns.
    Now,
}

/// Makes a lease of this id that ends by itself; one that was left behind is replaced, as its end has another date.
pub(crate) async fn create(
    daemon: &Daemon,
    id: &str,
    lifetime: Duration,
    labels: &BTreeMap<String, String>,
) -> Result<Daemon, RpcError> {
    let mut labels: HashMap<_, _> = labels.clone().into_iter().collect();
    labels.insert(EXPIRE.to_owned(), time::expiry(lifetime));
    match try_create(daemon, id, labels.clone()).await {
        Err(refused) if refused.is_already_there() => {
            delete(daemon, id, End::Later).await?;
            try_create(daemon, id, labels).await?;
        }
        other => other?,
    }
    daemon.under_lease(id)
}

async fn try_create(daemon: &Daemon, id: &str, labels: HashMap<String, String>) -> Result<(), RpcError> {
    let request = CreateRequest { id: id.to_owned(), labels };
    let mut leases = daemon.leases();
    daemon.call("create a lease", id, leases.create(request)).await.map(drop)
}

/// Deletes a lease; one that is gone is success.
pub(crate) async fn delete(daemon: &Daemon, id: &str, end: End) -> Result<(), RpcError> {
    let mut leases = daemon.leases();
    let request = DeleteRequest { id: id.to_owned(), sync: end == End::Now };
    gone_is_fine(daemon.call("delete the lease", id, leases.delete(request)).await.map(drop))
}

/// The leases that carry all the labels.
pub(crate) async fn find(
    daemon: &Daemon,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<ContainerRecord>, RpcError> {
    let mut leases = daemon.leases();
    let request = ListRequest { filters: filter::filters(labels) };
    let listed = daemon.call("list the leases", daemon.namespace(), leases.list(request)).await?;
    let record = |lease: containerd_client::services::v1::Lease| ContainerRecord {
        id: ContainerId::existing(lease.id),
        labels: lease.labels.into_iter().collect(),
        created_at: time::from_wire(lease.created_at),
    };
    Ok(listed.leases.into_iter().map(record).collect())
}

/// Puts a snapshot under a lease: it may have been made by someone else, whose lease ends.
pub(crate) async fn hold_snapshot(
    daemon: &Daemon,
    lease: &str,
    snapshotter: &str,
    key: &str,
) -> Result<(), RpcError> {
    let resource = Resource { id: key.to_owned(), r#type: format!("snapshots/{snapshotter}") };
    let request = AddResourceRequest { id: lease.to_owned(), resource: Some(resource) };
    let mut leases = daemon.leases();
    daemon.call("hold a snapshot", key, leases.add_resource(request)).await.map(drop)
}
