//! The start pipeline: one type a phase, each consuming the last; whatever a failed phase leaves is unwound.
//!
//! `Requested → ImageReady → RootfsReady → Created → Started`. Policy has refused by then what can be refused.

mod created;
mod image_ready;
mod requested;
mod rootfs_ready;
mod unwind;

pub(crate) use rootfs_ready::name as named;

use std::sync::Arc;

use crate::context::Context;
use crate::error::DriverError;
use crate::granted::Granted;
use crate::ids::ContainerId;
use crate::spec::TaskSpec;
use crate::task::Task;

/// What every phase carries on.
struct Common {
    context: Arc<Context>,
    spec: TaskSpec,
    granted: Arc<Granted>,
    id: ContainerId,
}

impl Common {
    fn event(&self, message: impl Into<String>) {
        self.context.events.emit(&self.spec.id, &self.spec.identity, message);
    }
}

/// Runs the whole pipeline. On failure everything it made is gone again, or the error says what is left.
pub(crate) async fn run(
    context: Arc<Context>,
    spec: TaskSpec,
    granted: Arc<Granted>,
    id: ContainerId,
) -> Result<Arc<Task>, DriverError> {
    let undo = unwind::Undo::new(Arc::clone(&context), id.clone());
    let common = Common { context, spec, granted, id };
    match phases(common).await {
        Ok(task) => Ok(task),
        Err(cause) => Err(undo.after(cause).await),
    }
}

async fn phases(common: Common) -> Result<Arc<Task>, DriverError> {
    let requested = requested::Requested::new(common);
    let image_ready = requested.image().await?;
    let rootfs_ready = image_ready.rootfs().await?;
    let created = rootfs_ready.create().await?;
    created.start().await
}
