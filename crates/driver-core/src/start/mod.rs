//! The start pipeline: one type a phase, each consuming the last; whatever a failed phase leaves is unwound.
//!
//! `Requested → ImageReady → RootfsReady → NetworkReady → Created → Started`. Policy has refused by then what can be
//! refused.

mod begin;
mod common;
mod created;
mod image_ready;
mod log_pipes;
mod network_files;
mod network_ready;
mod plan;
mod requested;
mod rollback;
mod rootfs_ready;
mod snapshot;
mod staging;
mod trial;

pub(crate) use begin::start_task;
use rollback::{Failed, Undo};

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::admission::Admitted;
use crate::error::DriverError;
use crate::node::back_off::BackOff;
use crate::node::context::Context;
use crate::ports::Connection;
use crate::request::ids::ContainerId;
use crate::request::task::TaskSpec;
use crate::running::lifecycle::LifeCell;
use crate::running::starting::Starting;
use crate::running::task::Task;
use crate::start::common::Common;

/// How long a start waits for a daemon that is away. To a client each failed start is a failure of the task, and a
/// daemon that is upgraded is back within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns when the daemon answers, or has had its time: the first call to it tells what is wrong. Whether it does only
/// an answer tells, as the watcher of the connection may not have noticed its end yet.
pub(crate) async fn wait_for_containerd(context: &Context, id: &ContainerId) {
    if matches!(*context.ports.connection().borrow(), Connection::Down(_)) {
        tracing::info!(container = %id, "the start waits for containerd");
    }
    let patience = PATIENCE.min(context.config.client_timeout);
    let mut back_off = BackOff::default();
    let answer = async {
        context.connected().await;
        while context.ports.task_state(id).await.is_err_and(|error| error.is_lost()) {
            back_off.pause().await;
            context.connected().await;
        }
    };
    let _in_time = tokio::time::timeout(patience, answer).await;
}

/// Runs the whole pipeline. On failure everything it made is gone again, or the error says what is left.
pub(crate) async fn run(
    context: Arc<Context>,
    (spec, admitted): (TaskSpec, Arc<Admitted>),
    id: ContainerId,
    starting: Starting,
) -> Result<Arc<Task>, Failed> {
    let reuses = context.kept_snapshots.take(&id);
    let life = Arc::new(LifeCell::new());
    let undo = Undo::new(Arc::clone(&context), id.clone(), Arc::clone(&life));
    let checked = Arc::clone(&admitted);
    let common = Common { context, spec, admitted, id, life, starting, reuses, pipes: OnceCell::new() };
    match phases(common).await {
        Ok(task) => Ok(task),
        Err(cause) => Err(undo.after(checked.explain(cause)).await),
    }
}

async fn phases(common: Common) -> Result<Arc<Task>, DriverError> {
    let requested = requested::Requested::new(common);
    let image_ready = requested.image().await?;
    let rootfs_ready = image_ready.rootfs().await?;
    let network_ready = rootfs_ready.network().await?;
    let created = network_ready.create().await?;
    created.start().await
}
