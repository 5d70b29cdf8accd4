//! One job per key, shared by all who ask for it while it runs.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Jobs that run at the moment.
#[derive(Debug)]
pub(crate) struct Flights<K, T> {
    running: Arc<Mutex<Running<K, T>>>,
}

#[derive(Debug)]
struct Running<K, T> {
    next_id: u64,
    jobs: HashMap<K, (u64, Weak<Flight<T>>)>,
}

/// A part in a job. When the last one is dropped the job is told to stop.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    result: watch::Receiver<Option<T>>,
    _stop: DropGuard,
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self { running: Arc::new(Mutex::new(Running { next_id: 0, jobs: HashMap::new() })) }
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Takes part in the running job of this key, or starts it. The job gets a token that is cancelled when nobody
    /// waits any more; it then ends in its own time.
    pub(crate) fn join<F>(&self, key: &K, start: impl FnOnce(CancellationToken) -> F) -> Arc<Flight<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = running.jobs.get(key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        let token = CancellationToken::new();
        let (sender, result) = watch::channel(None);
        let flight = Arc::new(Flight { result, _stop: token.clone().drop_guard() });
        let id = running.next_id;
        running.next_id += 1;
        running.jobs.insert(key.clone(), (id, Arc::downgrade(&flight)));
        let (job, list, key) = (start(token), Arc::downgrade(&self.running), key.clone());
        tokio::spawn(async move {
            let result = job.await;
            // Forgotten before the result is told: who asks after that starts anew.
            forget(&list, &key, id);
            sender.send_replace(Some(result));
        });
        flight
    }
}

impl<T: Clone> Flight<T> {
    /// The job's result; none when the job panicked.
    pub(crate) async fn result(&self) -> Option<T> {
        let mut result = self.result.clone();
        result.wait_for(Option::is_some).await.ok().and_then(|value| value.clone())
    }
}

fn forget<K: Eq + Hash, T>(list: &Weak<Mutex<Running<K, T>>>, key: &K, id: u64) {
    if let Some(list) = list.upgrade() {
        let mut running = list.lock().unwrap_or_else(PoisonError::into_inner);
        // A later job of the same key stays.
        if running.jobs.get(key).is_some_and(|(of, _)| *of == id) {
            running.jobs.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn all_who_ask_share_one_job() {
        let (flights, starts, go) = (Flights::default(), AtomicUsize::new(0), Arc::new(Notify::new()));
        let ask = || {
            flights.join(&"redis", |_| {
                starts.fetch_add(1, Ordering::Relaxed);
                let go = Arc::clone(&go);
                async move {
                    go.notified().await;
                    42
                }
            })
        };
        let (first, second) = (ask(), ask());
        drop(first);
        go.notify_one();
        assert_eq!(second.result().await, Some(42));
        assert_eq!(starts.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_finished_job_is_not_joined() {
        let flights = Flights::default();
        let first = flights.join(&"redis", |_| async { 1 });
        assert_eq!(first.result().await, Some(1));
        assert_eq!(flights.join(&"redis", |_| async { 2 }).result().await, Some(2));
    }

    #[tokio::test]
    async fn the_job_is_told_when_the_last_one_leaves() {
        let flights = Flights::default();
        let (tell, told) = tokio::sync::oneshot::channel();
        let flight = flights.join(&"redis", |token| async move {
            token.cancelled().await;
            let _ = tell.send(());
        });
        drop(flight);
        told.await.unwrap();
    }

    #[tokio::test]
    async fn a_job_that_panics_gives_nothing() {
        let flights: Flights<&str, u8> = Flights::default();
        let flight = flights.join(&"redis", |_| async { panic!("planted") });
        assert_eq!(flight.result().await, None);
    }
}
