//! What one pull or import has begun to write into containerd's content store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ingest;
use super::locks::KeyedLocks;
use crate::grpc::backoff::Backoff;
use crate::grpc::daemon::Daemon;

/// How often containerd is asked to throw something away.
const ATTEMPTS: u32 = 5;

/// The references that one pull or import writes, by the digests of the blobs. Who is cut off leaves some.
#[derive(Debug, Default)]
pub(crate) struct Ingests(Mutex<BTreeMap<String, String>>);

impl Ingests {
    /// Notes that a blob is written from now on.
    pub(super) fn begin(&self, digest: &str, reference: &str) {
        self.list().insert(digest.to_owned(), reference.to_owned());
    }

    /// Notes that it is no longer.
    pub(super) fn end(&self, digest: &str) {
        self.list().remove(digest);
    }

    /// Throws away what is left, unless somebody else of this process goes on with it.
    pub(crate) async fn abort(&self, daemon: &Daemon, locks: &KeyedLocks) {
        let left = std::mem::take(&mut *self.list());
        for (digest, reference) in left {
            let Some(_one_writer) = locks.try_lock(lock_of(&digest)) else { continue };
            let mut backoff = Backoff::default();
            for _ in 0..ATTEMPTS {
                match ingest::abort(daemon, &reference).await {
                    Ok(()) => break,
                    // containerd may still be writing what came before the cut.
                    Err(error) => tracing::debug!(reference, ?error, "what was written is still there"),
                }
                tokio::time::sleep(backoff.next_delay()).await;
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Name of the lock of a blob.
pub(super) fn lock_of(digest: &str) -> String {
    format!("blob {digest}")
}
