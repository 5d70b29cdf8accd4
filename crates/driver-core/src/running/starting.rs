//! Starts that are under way, so that a stop or a destruction of the same task can end them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::request::ids::TaskId;

/// The starts of this process, by Nomad's id of the task.
#[derive(Clone, Default)]
pub(crate) struct Starts(Arc<Mutex<HashMap<TaskId, Vec<Arc<Signal>>>>>);

/// A start's end of the line: it learns that it is not wanted any more.
pub(crate) struct Starting {
    starts: Starts,
    id: TaskId,
    signal: Arc<Signal>,
}

#[derive(Debug)]
struct Signal {
    cancelled: watch::Sender<bool>,
    ended: watch::Sender<bool>,
}

impl Starts {
    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Vec<Arc<Signal>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a start until the value is dropped.
    pub(crate) fn begin(&self, id: &TaskId) -> Starting {
        let signal =
            Arc::new(Signal { cancelled: watch::Sender::new(false), ended: watch::Sender::new(false) });
        self.lock().entry(id.clone()).or_default().push(Arc::clone(&signal));
        Starting { starts: self.clone(), id: id.clone(), signal }
    }

    /// Cancels every start of the task and waits for their end. Whether there was one.
    pub(crate) async fn cancel(&self, id: &TaskId) -> bool {
        let signals = self.lock().get(id).cloned().unwrap_or_default();
        for signal in &signals {
            signal.cancelled.send_replace(true);
            // The sender lives as long as the signal that is held here.
            let mut ended = signal.ended.subscribe();
            let _ended = ended.wait_for(|ended| *ended).await;
        }
        !signals.is_empty()
    }
}

impl Starting {
    /// Returns when the start is not wanted any more.
    pub(crate) async fn cancelled(&self) {
        let mut cancelled = self.signal.cancelled.subscribe();
        let _cancelled = cancelled.wait_for(|cancelled| *cancelled).await;
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let mut starts = self.starts.lock();
        if let Some(signals) = starts.get_mut(&self.id) {
            signals.retain(|signal| !Arc::ptr_eq(signal, &self.signal));
            if signals.is_empty() {
                starts.remove(&self.id);
            }
        }
        drop(starts);
        self.signal.ended.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancelled_start_learns_of_it_and_the_canceller_waits_for_its_end() {
        let (starts, id) = (Starts::default(), TaskId::new("a/b/c"));
        let starting = starts.begin(&id);
        let start = tokio::spawn(async move {
            starting.cancelled().await;
            drop(starting);
        });
        assert!(starts.cancel(&id).await);
        start.await.unwrap();
        assert!(!starts.cancel(&id).await, "it has ended");
        assert!(starts.lock().is_empty());
    }

    #[tokio::test]
    async fn a_start_of_another_task_goes_on() {
        let starts = Starts::default();
        let starting = starts.begin(&TaskId::new("a/b/c"));
        assert!(!starts.cancel(&TaskId::new("a/b/d")).await);
        assert!(!*starting.signal.cancelled.borrow());
    }
}
