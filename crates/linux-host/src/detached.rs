//! Work with files that may never end, as with a network file system whose server is gone: on a thread of its own, which
//! is left behind when the time is over. A system call that hangs cannot be cancelled, and a pool's thread would be lost
//! to everybody.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How many threads may be behind their time before no more are started.
pub const STUCK_MAX: usize = 16;

/// Work that was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetachedError {
    /// Too much earlier work has not come back.
    #[error(
        "{stuck} earlier accesses to files still hang; find the file system that does not answer, and mount it again"
    )]
    Busy {
        /// How many threads are behind their time.
        stuck: usize,
    },
    /// The time is over.
    #[error("its file system gave no answer within {} s", limit.as_secs())]
    TimedOut {
        /// The time that there was.
        limit: Duration,
    },
    /// There is no thread to do it.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// The thread ended without a result.
    #[error("the thread ended without a result")]
    Died,
}

/// Starts `work` on a thread of its own, which hands the result to `done`. Whoever waits for that should wait for `limit`
/// at most: from then on the thread counts as stuck. Does not block.
///
/// # Errors
/// [`DetachedError::Busy`], [`DetachedError::Thread`].
pub fn start<T>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
    done: impl FnOnce(T) + Send + 'static,
) -> Result<(), DetachedError> {
    THREADS.start(limit, work, done)
}

/// Does `work` on a thread of its own and waits for the result, for `limit` at most. Blocking.
///
/// # Errors
/// [`DetachedError`].
pub fn wait<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DetachedError> {
    THREADS.wait(limit, work)
}

static THREADS: Threads = Threads::new();

/// The threads that work.
struct Threads(Mutex<Deadlines>);

/// When each of them should have ended.
struct Deadlines {
    next: u64,
    of: BTreeMap<u64, Instant>,
}

impl Threads {
    const fn new() -> Self {
        Self(Mutex::new(Deadlines { next: 0, of: BTreeMap::new() }))
    }

    fn start<T>(
        &'static self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), DetachedError> {
        let place = self.enter(limit)?;
        let started = std::thread::Builder::new().name("files".to_owned()).spawn(move || {
            let result = work();
            drop(place);
            done(result);
        });
        started.map(drop).map_err(DetachedError::Thread)
    }

    fn wait<T: Send + 'static>(
        &'static self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DetachedError> {
        let (sender, result) = mpsc::sync_channel(1);
        // Nobody may wait any more.
        self.start(limit, work, move |result| drop(sender.send(result)))?;
        result.recv_timeout(limit).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => DetachedError::TimedOut { limit },
            mpsc::RecvTimeoutError::Disconnected => DetachedError::Died,
        })
    }

    fn enter(&'static self, limit: Duration) -> Result<Place, DetachedError> {
        let now = Instant::now();
        let mut deadlines = self.deadlines();
        let stuck = deadlines.of.values().filter(|deadline| **deadline <= now).count();
        if stuck >= STUCK_MAX {
            return Err(DetachedError::Busy { stuck });
        }
        let number = deadlines.next;
        deadlines.next += 1;
        // A time that does not fit is as good as for ever.
        if let Some(deadline) = now.checked_add(limit) {
            deadlines.of.insert(number, deadline);
        }
        Ok(Place { threads: self, number })
    }

    fn deadlines(&self) -> MutexGuard<'_, Deadlines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's place among them, until its work is over.
struct Place {
    threads: &'static Threads,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.threads.deadlines().of.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn threads() -> &'static Threads {
        Box::leak(Box::new(Threads::new()))
    }

    #[test]
    fn the_result_comes_back_from_another_thread() {
        let own = std::thread::current().id();
        let other = threads().wait(LONG, || std::thread::current().id()).unwrap();
        assert_ne!(own, other);
    }

    #[test]
    fn work_that_hangs_holds_up_its_own_caller_alone_and_not_for_long() {
        let threads = threads();
        let (release, hangs) = mpsc::channel::<()>();
        let limit = Duration::from_millis(20);
        let outcome = threads.wait(limit, move || hangs.recv());
        assert!(matches!(outcome, Err(DetachedError::TimedOut { .. })), "{outcome:?}");
        assert_eq!(threads.wait(LONG, || 7).unwrap(), 7);
        drop(release);
    }

    #[test]
    fn beyond_so_many_that_hang_the_answer_comes_at_once_until_one_returns() {
        let threads = threads();
        let mut releases = Vec::new();
        let (returned, returns) = mpsc::channel();
        for _ in 0..STUCK_MAX {
            let (release, hangs) = mpsc::channel::<()>();
            releases.push(release);
            let returned = returned.clone();
            let done = move |_| returned.send(()).unwrap();
            threads.start(Duration::ZERO, move || hangs.recv(), done).unwrap();
        }
        let outcome = threads.wait(LONG, || ());
        assert!(matches!(outcome, Err(DetachedError::Busy { stuck: STUCK_MAX })), "{outcome:?}");
        drop(releases.pop());
        returns.recv_timeout(LONG).unwrap();
        threads.wait(LONG, || ()).unwrap();
    }

    #[test]
    fn many_that_are_within_their_time_are_not_stuck() {
        let threads = threads();
        let (releases, hang): (Vec<_>, Vec<_>) = (0..4 * STUCK_MAX).map(|_| mpsc::channel::<()>()).unzip();
        for hangs in hang {
            threads.start(LONG, move || hangs.recv(), |_| ()).unwrap();
        }
        threads.wait(LONG, || ()).unwrap();
        drop(releases);
    }

    #[test]
    fn a_thread_that_dies_gives_its_place_back() {
        let threads = threads();
        for _ in 0..=STUCK_MAX {
            let outcome = threads.wait(LONG, || std::panic::resume_unwind(Box::new(())));
            assert!(matches!(outcome, Err::<(), _>(DetachedError::Died)), "{outcome:?}");
        }
        assert!(threads.deadlines().of.is_empty());
    }
}
