//! The beginning of a start: one at a time for a container, after what an earlier task left in it.

use std::sync::Arc;

use super::log_pipes::HeldPipes;
use super::rollback::{Failed, Undo};
use super::trial;
use crate::admission::Admitted;
use crate::error::{DriverError, chain};
use crate::node::back_off::BackOff;
use crate::node::context::Context;
use crate::node::off_pool;
use crate::request::ids::ContainerId;
use crate::request::task::TaskSpec;
use crate::running::destroy;
use crate::running::registry::Known;
use crate::running::state::TaskHandle;

/// Starts a task; one of the same id that runs here is adopted.
///
/// # Errors
/// A refusal or the failure of a step, after which nothing of the start is left.
pub(crate) async fn start_task(
    context: Arc<Context>,
    known: Known,
    spec: TaskSpec,
) -> Result<TaskHandle, DriverError> {
    let starting = known.starts.begin(&spec.id);
    let id = ContainerId::of_task(context.mode(), &spec.identity.alloc_id, &spec.identity.task);
    let _lock = known.locks.take(&id).await;
    // Before admission: what the job or the host has become since does not concern a task that runs.
    if let Some(task) = known.tasks.running(&spec.id) {
        return Ok(task.handle());
    }
    let _permit = context.fds.for_start(spec.options.mounts.len())?;
    let (spec, admitted) = match admit(&context, spec).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            if !known.tasks.has_container(&id) {
                discard_kept_snapshot(&context, &id).await;
            }
            return Err(refused);
        }
    };
    known.node.learn(&spec.identity.node_id);
    super::wait_for_containerd(&context, &id).await;
    let pipes = remove_predecessor(&known, &spec, &id).await?;
    let started = super::run(Arc::clone(&context), (spec, admitted), id, starting).await;
    // The shim holds them now, or nobody is going to.
    drop(pipes);
    match started {
        Ok(task) => {
            known.tasks.insert(Arc::clone(&task));
            Ok(task.handle())
        }
        Err(Failed { cause, rest }) => {
            if let Some(rest) = rest {
                tokio::spawn(roll_back_later(known, rest));
            }
            Err(cause)
        }
    }
}

/// Holds the task against policy and host, and builds its spec once for trial. A path that a job names may lead to a
/// file system that does not answer, so this runs on a thread of its own.
async fn admit(context: &Arc<Context>, spec: TaskSpec) -> Result<(TaskSpec, Arc<Admitted>), DriverError> {
    let context = Arc::clone(context);
    off_pool::run("the check of the task's options against this host", move || {
        let admitted = Admitted::of(&context, &spec)?;
        trial::build(&spec, &admitted)?;
        Ok((spec, Arc::new(admitted)))
    })
    .await
}

/// Removes the task that a lost Destroy left in the container. Its log pipes are held meanwhile.
async fn remove_predecessor(
    known: &Known,
    spec: &TaskSpec,
    id: &ContainerId,
) -> Result<HeldPipes, DriverError> {
    let Some(stale) = known.tasks.in_container(id) else { return Ok(HeldPipes::default()) };
    let pipes = HeldPipes::of(spec).await;
    destroy::destroy(&stale, true).await?;
    known.tasks.remove(&stale);
    Ok(pipes)
}

/// Removes the snapshot that was kept for a start that is refused.
async fn discard_kept_snapshot(context: &Context, id: &ContainerId) {
    if !context.kept_snapshots.take(id) {
        return;
    }
    if let Err(error) = context.ports.purge(id).await {
        tracing::warn!(container = %id, error = chain(&error), "the snapshot kept for the task was not removed");
    }
}

/// Finishes a rollback that the daemon's absence interrupted, unless a later start took its place.
async fn roll_back_later(known: Known, rest: Undo) {
    let mut back_off = BackOff::default();
    loop {
        rest.context.connected().await;
        let lock = known.locks.take(&rest.id).await;
        if known.tasks.has_container(&rest.id) {
            return;
        }
        let failures = rest.again().await;
        drop(lock);
        if failures.is_empty() {
            return tracing::info!(container = %rest.id, "the rest of the failed start is removed");
        }
        if !failures.iter().any(DriverError::is_lost) {
            let error = failures.first().map(|error| chain(error)).unwrap_or_default();
            return tracing::error!(container = %rest.id, error, "the rest of the failed start stays");
        }
        back_off.pause().await;
    }
}
