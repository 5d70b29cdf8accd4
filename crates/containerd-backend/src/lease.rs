//! Leases: what is made under one is not collected until it is deleted or expires.

use std::collections::HashMap;
use std::time::Duration;

use containerd_client::services::v1::{AddResourceRequest, CreateRequest, DeleteRequest, Resource};

use crate::daemon::Daemon;
use crate::refused::{Refused, gone_is_fine};
use crate::time;

/// Label of a lease with the moment of its end, the backstop for a driver that dies.
const EXPIRE: &str = "containerd.io/gc.expire";

/// Makes a lease of this id that ends by itself; one that was left behind is replaced, as its end has another date.
pub(crate) async fn create(daemon: &Daemon, id: &str, lifetime: Duration) -> Result<Daemon, Refused> {
    match try_create(daemon, id, lifetime).await {
        Err(refused) if refused.is_already_there() => {
            delete(daemon, id).await?;
            try_create(daemon, id, lifetime).await?;
        }
        other => other?,
    }
    daemon.under_lease(id)
}

async fn try_create(daemon: &Daemon, id: &str, lifetime: Duration) -> Result<(), Refused> {
    let labels = HashMap::from([(EXPIRE.to_owned(), time::expiry(lifetime))]);
    let request = CreateRequest { id: id.to_owned(), labels };
    let mut leases = daemon.leases();
    daemon.call("create a lease", id, leases.create(request)).await.map(drop)
}

/// Deletes a lease; one that is gone is success.
pub(crate) async fn delete(daemon: &Daemon, id: &str) -> Result<(), Refused> {
    let mut leases = daemon.leases();
    let request = DeleteRequest { id: id.to_owned(), sync: false };
    gone_is_fine(daemon.call("delete the lease", id, leases.delete(request)).await.map(drop))
}

/// Puts a snapshot under a lease: it may have been made by someone else, whose lease ends.
pub(crate) async fn hold_snapshot(
    daemon: &Daemon,
    lease: &str,
    snapshotter: &str,
    key: &str,
) -> Result<(), Refused> {
    let resource = Resource { id: key.to_owned(), r#type: format!("snapshots/{snapshotter}") };
    let request = AddResourceRequest { id: lease.to_owned(), resource: Some(resource) };
    let mut leases = daemon.leases();
    daemon.call("hold a snapshot", key, leases.add_resource(request)).await.map(drop)
}
