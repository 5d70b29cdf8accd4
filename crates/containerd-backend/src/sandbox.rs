//! Sandbox records without a sandbox. From 1.7 on containerd forgets a task that ended while the daemon was down,
//! unless the task's container belongs to a sandbox that it has a record of.

use containerd_client::services::v1::sandbox::{StoreCreateRequest, StoreDeleteRequest};
use containerd_client::types::Sandbox;
use containerd_client::types::sandbox::Runtime;

use crate::daemon::Daemon;
use crate::refused::{Refused, gone_is_fine};
use crate::runtime;

/// Writes the record; one that is there already is as good.
pub(crate) async fn create(daemon: &Daemon, runtime: &str, id: &str) -> Result<(), Refused> {
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
pub(crate) async fn delete(daemon: &Daemon, id: &str) -> Result<(), Refused> {
    let mut sandboxes = daemon.sandboxes();
    let request = StoreDeleteRequest { sandbox_id: id.to_owned() };
    gone_is_fine(daemon.call("delete the sandbox record", id, sandboxes.delete(request)).await.map(drop))
}
