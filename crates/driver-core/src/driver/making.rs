//! Making and removing the containers of tasks: each in the turn of its container.

use std::sync::Arc;

use super::{Driver, handle_of};
use crate::back_off::BackOff;
use crate::context::Context;
use crate::destroy;
use crate::error::{DriverError, chain};
use crate::granted::Granted;
use crate::ids::ContainerId;
use crate::log_pipes::HeldPipes;
use crate::reusable;
use crate::spec::TaskSpec;
use crate::start::{self, Failed, Undo};
use crate::state::TaskHandle;
use crate::task::{Phase, Task};

impl Driver {
    pub(super) async fn start_alone(&self, spec: TaskSpec) -> Result<TaskHandle, DriverError> {
        let context = self.context()?;
        let _share = context.room.for_start(spec.options.mounts.len())?;
        let id = ContainerId::of_task(context.mode(), &spec.identity.alloc_id, &spec.identity.task);
        let granted = granted(Arc::clone(&context), spec).await;
        if granted.is_err() {
            let _turn = self.0.turns.take(&id).await;
            if !self.0.tasks.has_container(&id) {
                reusable::discard(&context, &id).await;
            }
        }
        let (spec, granted) = granted?;
        self.0.node.learn(&spec.identity.node_id);
        let _turn = self.0.turns.take(&id).await;
        if let Some(task) = self.0.tasks.find(&spec.id).filter(|task| task.phase() == Phase::Running) {
            return Ok(handle_of(&task));
        }
        start::wait_for_the_daemon(&context, &id).await;
        let pipes = match self.0.tasks.in_container(&id) {
            Some(stale) => {
                let pipes = HeldPipes::of(&spec).await;
                destroy::destroy(&stale, true).await?;
                self.0.tasks.remove(&stale);
                pipes
            }
            None => HeldPipes::default(),
        };
        let started = start::run(context, spec, granted, id).await;
        // By now the shim holds them, or nobody is going to.
        drop(pipes);
        match started {
            Ok(task) => {
                self.0.tasks.insert(Arc::clone(&task));
                Ok(handle_of(&task))
            }
            Err(Failed { cause, rest }) => {
                if let Some(rest) = rest {
                    tokio::spawn(self.clone().unwind_later(rest));
                }
                Err(cause)
            }
        }
    }

    /// Finishes the unwinding of a start that the daemon's absence interrupted, unless a later start took its place.
    async fn unwind_later(self, rest: Undo) {
        let mut back_off = BackOff::default();
        loop {
            rest.context.connected().await;
            let turn = self.0.turns.take(&rest.id).await;
            if self.0.tasks.has_container(&rest.id) {
                return;
            }
            let failures = rest.again().await;
            drop(turn);
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

    /// Removes a task that this process knows. What the daemon's absence interrupts goes on later.
    pub(super) async fn destroy_known(self, task: Arc<Task>, force: bool) -> Result<(), DriverError> {
        let result = self.destroy_in_turn(&task, force).await;
        if result.as_ref().is_err_and(DriverError::is_lost) {
            tokio::spawn(self.destroy_later(task));
        }
        result
    }

    /// In its turn, as a start of the same task must not meet a removal under way.
    async fn destroy_in_turn(&self, task: &Arc<Task>, force: bool) -> Result<(), DriverError> {
        let _turn = self.0.turns.take(&task.container).await;
        destroy::destroy(task, force).await?;
        self.0.tasks.remove(task);
        Ok(())
    }

    /// Finishes a destruction that the daemon's absence interrupted; a task that can not be removed stays known.
    async fn destroy_later(self, task: Arc<Task>) {
        let mut back_off = BackOff::default();
        loop {
            task.context.connected().await;
            match self.destroy_in_turn(&task, true).await {
                Err(error) if error.is_lost() => back_off.pause().await,
                Err(error) => {
                    let error = chain(&error);
                    return tracing::error!(task = %task.id, error, "the destroyed task could not be removed");
                }
                Ok(()) => return tracing::info!(task = %task.id, "removed after containerd came back"),
            }
        }
    }
}

/// What policy and host give to the task, or the refusal.
async fn granted(context: Arc<Context>, spec: TaskSpec) -> Result<(TaskSpec, Arc<Granted>), DriverError> {
    let looked = tokio::task::spawn_blocking(move || {
        let granted = Granted::of(&context, &spec)?;
        Ok((spec, Arc::new(granted)))
    });
    looked.await.map_err(|_| DriverError::Interrupted("the check of the task"))?
}
