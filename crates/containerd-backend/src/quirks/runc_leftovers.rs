//! What a broken-off `Tasks.Create` leaves behind: a container that only runc knows.
//!
//! When the caller of `Tasks.Create` goes away, as a driver that is killed does, containerd 1.6 to 2.1 forget the task
//! but not always runc's container with its waiting first process. A later task of the same name then fails for ever.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::grpc::classify::ErrorKind;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::health::daemon_process::DaemonHost;

/// Where runc's shim keeps the runtime's state, by namespace, unless its options say otherwise (containerd,
/// `pkg/process`, `RuncRoot`).
const RUNC_ROOT: &str = "/run/containerd/runc";
/// The operation that errors name.
const REMOVE: &str = "remove the runtime's leftover container";

/// Removes the runtime's container of a task that containerd does not have. Nothing to remove is success.
pub(crate) async fn remove(daemon: &Daemon, id: &str) -> Result<(), RpcError> {
    let root = Path::new(RUNC_ROOT).join(daemon.namespace());
    let Some(state) = state_directory(&root, id) else { return Ok(()) };
    if tokio::fs::symlink_metadata(&state).await.is_err() {
        return Ok(());
    }
    let failed = |reason: String| daemon.refused(REMOVE, id, ErrorKind::Failed(reason));
    let host = DaemonHost::of(daemon)
        .await
        .ok_or_else(|| failed("containerd's process can not be seen".to_owned()))?;
    let runc = host.program("runc").ok_or_else(|| failed(format!("there is no runc in {}", host.path())))?;
    tracing::warn!(
        container = id,
        "the runtime has a container that containerd does not know; it is removed"
    );
    let mut command = Command::new(runc);
    command.arg("--root").arg(&root).args(["delete", "--force", id]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(daemon.timeout(), command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Ok(Err(error)) => Err(failed(format!("runc does not start: {error}"))),
        Err(_) => Err(daemon.refused(REMOVE, id, ErrorKind::TimedOut(daemon.timeout()))),
    }
}

/// The state of a container: a directory of its name. Other names than plain ones are none of a container.
fn state_directory(root: &Path, id: &str) -> Option<PathBuf> {
    let is_plain = !id.starts_with(['.', '-']) && !id.contains('/') && !id.is_empty();
    is_plain.then(|| root.join(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_looked_for() {
        let root = Path::new("/run/containerd/runc/nomad");
        assert_eq!(state_directory(root, "redis-1.scope").unwrap(), root.join("redis-1.scope"));
        for id in ["", "..", "../nomad", "/etc", "--help"] {
            assert_eq!(state_directory(root, id), None, "{id}");
        }
    }
}
