//! The reaper: removes what tasks of this node left behind and nobody knows any more.
//!
//! A client that forgets a task, a Destroy that was lost or failed, a start that its process did not live to finish:
//! what these leave carries the labels of the task. Nothing tells which node this is or that recovery is over, so the
//! node's id is learnt from the tasks of this process, and what is removed has also lost its allocation's directory,
//! for a time of grace. A task that this process knows and that runs is left alone as long as a caller waits for its end,
//! which a client does from start to end: one that finished starting when its client was dead has nobody else to end it.

mod destroy_by_id;
mod leftovers;
mod verdict;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

pub(crate) use destroy_by_id::destroy as destroy_by_id;

use crate::error::{DriverError, chain};
use crate::node::container_locks::ContainerLock;
use crate::node::context::Context;
use crate::node::labels;
use crate::request::ids::ContainerId;
use crate::running::destroy;
use crate::running::registry::Known;
use crate::running::task::Task;
use leftovers::Leftover;
use verdict::{Facts, Memory, Verdict, judge};

/// One configuration's reaper.
pub(crate) struct Reaper {
    context: Arc<Context>,
    known: Known,
    since: Instant,
    memory: Memory,
    /// What the log has been told of once.
    told: HashSet<ContainerId>,
}

impl Reaper {
    pub(crate) fn new(context: Arc<Context>, known: Known) -> Self {
        Self { context, known, since: Instant::now(), memory: Memory::default(), told: HashSet::new() }
    }

    /// Looks every period, for as long as it is polled.
    pub(crate) async fn run(mut self) {
        let period = self.context.config.dangling_containers.period;
        let mut ticks = interval_at(self.since + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.context.connected().await;
            if let Err(error) = self.look().await {
                tracing::warn!(error = chain(&error), "dangling containers could not be looked for");
            }
        }
    }

    async fn look(&mut self) -> Result<(), DriverError> {
        let Some(node) = self.known.node.get() else { return Ok(()) };
        let (mut dangling, mut staged, mut torsos) = (Vec::new(), Vec::new(), Vec::new());
        for (trace, gone) in found(&self.context).await? {
            match judge(&trace, self.facts(&trace, &node, gone)) {
                Verdict::Dangling => dangling.push(trace),
                Verdict::HeldStaged => staged.push(trace),
                Verdict::Torso => torsos.push(trace),
                Verdict::Unplaced => {
                    self.tell_once(&trace, "a container without the path of its allocation is left")
                }
                Verdict::Foreign | Verdict::InUse | Verdict::Held => {}
            }
        }
        let grace = self.context.config.dangling_containers.creation_grace;
        for trace in self.memory.due(dangling, Instant::now(), grace) {
            self.reap(&trace).await;
        }
        for trace in staged {
            self.unstage(&trace).await;
        }
        for trace in torsos {
            self.discard(&trace).await;
        }
        Ok(())
    }

    fn facts<'n>(&self, trace: &Leftover, node: &'n str, allocation_gone: Option<bool>) -> Facts<'n> {
        Facts {
            node: Some(node),
            running: self.known.tasks.runs_in(&trace.id)
                && !(allocation_gone == Some(true) && self.known.tasks.abandoned_in(&trace.id).is_some()),
            busy: self.known.locks.try_take(&trace.id).is_none(),
            allocation_gone,
            age: SystemTime::now().duration_since(trace.made_at).unwrap_or_default(),
            grace: self.context.config.dangling_containers.creation_grace,
            uptime: self.since.elapsed(),
        }
    }

    async fn reap(&mut self, trace: &Leftover) {
        let Some(_lock) = self.lock(trace, "a dangling container would be removed") else { return };
        // It may have been started, recovered or waited for since the look.
        let abandoned = self.known.tasks.abandoned_in(&trace.id);
        let wanted = abandoned.is_none() && self.known.tasks.runs_in(&trace.id);
        if wanted || trace.allocation_is_gone() != Some(true) {
            return;
        }
        let removed = self.remove(trace, abandoned).await;
        if removed.is_ok() {
            self.known.tasks.forget_ended(&trace.id);
        }
        report(trace, removed, "removed a dangling container", "a dangling container could not be removed");
    }

    async fn remove(&self, trace: &Leftover, abandoned: Option<Arc<Task>>) -> Result<(), DriverError> {
        if let Some(task) = abandoned {
            destroy::destroy(&task, true).await?;
        }
        trace.remove(&self.context).await
    }

    /// A start that was cut needs its staged objects no more, whoever begins it anew stages them again.
    async fn unstage(&mut self, trace: &Leftover) {
        let Some(_lock) = self.lock(trace, "what a cut start staged would be unmounted") else { return };
        let id = trace.id.clone();
        let unstaged = self.context.on_files(move |files| files.unstage(&id)).await;
        report(
            trace,
            unstaged,
            "unmounted what a cut start had staged",
            "what a cut start staged could not be unmounted",
        );
    }

    /// A directory whose start or removal was cut between its making and its labels, or after them.
    async fn discard(&mut self, trace: &Leftover) {
        let Some(_lock) = self.lock(trace, "a directory that no task has would be removed") else { return };
        if self.known.tasks.runs_in(&trace.id) {
            return;
        }
        let removed = trace.remove_files(&self.context).await;
        report(
            trace,
            removed,
            "removed a directory that no task has",
            "a directory that no task has could not be removed",
        );
    }

    /// The container's lock, unless somebody holds it, or `dry_run` only logs the intent.
    fn lock(&mut self, trace: &Leftover, intent: &'static str) -> Option<ContainerLock> {
        if self.context.config.dangling_containers.dry_run {
            self.tell_once(trace, intent);
            return None;
        }
        self.known.locks.try_take(&trace.id)
    }

    fn tell_once(&mut self, trace: &Leftover, what: &'static str) {
        if self.told.insert(trace.id.clone()) {
            tell(trace, what);
        }
    }
}

fn tell(trace: &Leftover, what: &'static str) {
    let label = |name| trace.label(name).unwrap_or_default();
    let (alloc, task) = (label(labels::ALLOC_ID), label(labels::TASK));
    tracing::info!(container = %trace.id, alloc, task, "{what}");
}

fn report(trace: &Leftover, outcome: Result<(), DriverError>, done: &'static str, undone: &'static str) {
    match outcome {
        Ok(()) => tell(trace, done),
        Err(error) => tracing::warn!(container = %trace.id, error = chain(&error), "{undone}"),
    }
}

/// All traces of this driver, and whether their allocations are gone.
async fn found(context: &Context) -> Result<Vec<(Leftover, Option<bool>)>, DriverError> {
    let traces = leftovers::find(context, &labels::of_driver()).await?;
    let looked = tokio::task::spawn_blocking(|| {
        let with_allocation = |trace: Leftover| {
            let gone = trace.allocation_is_gone();
            (trace, gone)
        };
        traces.into_iter().map(with_allocation).collect()
    });
    looked.await.map_err(|_| DriverError::Interrupted("the look for allocations"))
}

#[cfg(test)]
mod tests;
