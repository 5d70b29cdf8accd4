//! The writable snapshot of a task: a new one, or the one that was kept over a restart of the host.

use super::common::Common;
use super::log_pipes::HeldPipes;
use crate::error::{DriverError, chain};
use crate::node::labels;
use crate::ports::{ContainersError, Image, Rootfs};

/// Prepares the snapshot, or takes the one of before the host's restart.
pub(super) async fn prepare(common: &Common, image: &Image) -> Result<Rootfs, DriverError> {
    if common.reuses {
        return match reuse(common, image).await {
            Some(rootfs) => Ok(rootfs),
            None => replace(common, image).await,
        };
    }
    let labels = labels::of_task(&common.spec);
    match common.context.ports.prepare_rootfs(&common.id, image, &labels).await {
        Err(ContainersError::AlreadyExists { .. }) => replace(common, image).await,
        other => Ok(other?),
    }
}

/// The snapshot that the host's restart left. A task can do without: it gets a new one then.
async fn reuse(common: &Common, image: &Image) -> Option<Rootfs> {
    let labels = labels::of_task(&common.spec);
    match common.context.ports.reuse_rootfs(&common.id, image, &labels).await {
        Ok(Some(rootfs)) => {
            common.event("Reusing the container's file system of before the restart of the host");
            Some(rootfs)
        }
        Ok(None) => {
            tracing::info!(container = %common.id, "no file system of this image to use again");
            None
        }
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(container = %common.id, error, "the file system can not be used again");
            None
        }
    }
}

/// Removes whatever an earlier start of this allocation's task left behind, a snapshot, a container or a task, and
/// prepares the snapshot: nobody else uses that name.
pub(super) async fn replace(common: &Common, image: &Image) -> Result<Rootfs, DriverError> {
    let ports = &common.context.ports;
    tracing::info!(container = %common.id, "removing what an earlier start of this task left behind");
    common.pipes.get_or_init(|| HeldPipes::of(&common.spec)).await;
    ports.purge(&common.id).await?;
    Ok(ports.prepare_rootfs(&common.id, image, &labels::of_task(&common.spec)).await?)
}
