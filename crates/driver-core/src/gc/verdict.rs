//! What is dangling: a pure decision over what is known, and the memory of how long it has been so.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::leftovers::Leftover;
use crate::node::labels;
use crate::request::ids::ContainerId;

/// What is known besides the trace itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The node's id, once a task has told it.
    pub(crate) node: Option<&'a str>,
    /// Whether this process has a task in the container whose end is not confirmed, and which somebody may still want: a
    /// caller waits for it, or its allocation is there.
    pub(crate) running: bool,
    /// Whether somebody makes or removes it right now.
    pub(crate) busy: bool,
    /// Whether the allocation's directory is gone, where its path is known.
    pub(crate) allocation_gone: Option<bool>,
    /// How long ago the youngest part of it was made.
    pub(crate) age: Duration,
    /// How old it must be.
    pub(crate) grace: Duration,
    /// How long this process has looked.
    pub(crate) uptime: Duration,
}

/// What becomes of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is another driver's or another node's, or nobody knows yet which node this is.
    Foreign,
    /// It is in use: running, being made or removed, or too young to tell.
    InUse,
    /// It does not say where its allocation is.
    Unplaced,
    /// Its allocation's directory is there: the client may know it.
    Held,
    /// The same, but the start that staged objects for it was cut long ago: these can go.
    HeldStaged,
    /// Nobody can know it any more.
    Dangling,
    /// A directory whose making or removal was cut long ago: it says not whose it is, and nothing else is there.
    Torso,
}

/// Judges one trace.
pub(crate) fn judge(trace: &Leftover, facts: Facts<'_>) -> Verdict {
    let is_settled = |age| !facts.running && !facts.busy && age >= facts.grace;
    if trace.labels.is_empty() {
        return if is_settled(facts.age.min(facts.uptime)) { Verdict::Torso } else { Verdict::InUse };
    }
    let of_driver = trace.label(labels::OWNER) == Some(labels::DRIVER);
    let of_node = facts.node.is_some_and(|node| trace.label(labels::NODE_ID) == Some(node));
    if !of_driver || !of_node {
        return Verdict::Foreign;
    }
    if !is_settled(facts.age) {
        return Verdict::InUse;
    }
    match facts.allocation_gone {
        Some(true) => Verdict::Dangling,
        _ if trace.staged && facts.uptime >= facts.grace => Verdict::HeldStaged,
        Some(false) => Verdict::Held,
        None => Verdict::Unplaced,
    }
}

/// Since when each trace has been dangling, without a break.
#[derive(Debug, Default)]
pub(crate) struct Memory(HashMap<ContainerId, Instant>);

impl Memory {
    /// Takes note of what is dangling now and gives what has been so for the grace.
    pub(crate) fn due(&mut self, dangling: Vec<Leftover>, now: Instant, grace: Duration) -> Vec<Leftover> {
        let since: HashMap<_, _> = dangling
            .iter()
            .map(|trace| (trace.id.clone(), self.0.get(&trace.id).copied().unwrap_or(now)))
            .collect();
        self.0 = since;
        let is_due = |trace: &Leftover| self.0.get(&trace.id).is_some_and(|since| now - *since >= grace);
        dangling.into_iter().filter(is_due).collect()
    }
}

#[cfg(test)]
mod tests;
