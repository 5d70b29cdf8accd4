//! Sandbox records without a sandbox. From 1.7 on a starting containerd throws away the shim of a task that ended in
//! the meantime, and its exit code with it, unless there is a sandbox record of the shim's id (containerd, shim
//! loading: without processes and without a record a shim counts as leaked). The container's own field for its
//! sandbox stays empty: a task of a container in a sandbox would be looked for in that sandbox's shim.

use containerd_client::services::v1::sandbox::{StoreCreateRequest, StoreDeleteRequest};
use containerd_client::types::Sandbox;
use containerd_client::types::sandbox::Runtime;

use crate::grpc::daemon::Daemon;
use crate::grpc::error::{RpcError, gone_is_fine};
use crate::health::runtime;

/// Writes the record; one that is there already is as good.
pub(crate) async fn create(daemon: &Daemon, runtime: &str, id: &str) -> Result<(), RpcError> {
    let sandbox = Sandbox {
        sandbox_id: id.to_owned(),
        runtime: Some(Runtime { name: runtime.to_owned(), options: runtime::options(runtime) }),
        ..Sandbox::default()
    };
    let mut sandboxes = daemon.sandboxes();
    let request = StoreCreateRequest { sandbox: Some(sandbox) };
    match daemon.call("write the sandbox record", id, sandboxes.create(request)).await {
        Err(refused) if refused.is_already_there() => Ok(()),
        other => other.map(drop),
    }
}

/// Deletes the record; gone is success.
pub(crate) async fn delete(daemon: &Daemon, id: &str) -> Result<(), RpcError> {
    let mut sandboxes = daemon.sandboxes();
    let request = StoreDeleteRequest { sandbox_id: id.to_owned() };
    gone_is_fine(daemon.call("delete the sandbox record", id, sandboxes.delete(request)).await.map(drop))
}
