//! Bringing one blob from a source into containerd's content store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, Stream};

use super::InstallError;
use super::content;
use super::ingest::{self, Session};
use super::ingests::{Ingests, lock_of};
use super::labels::Labels;
use super::locks::KeyedLocks;
use super::model::Descriptor;
use super::retry::pause;
use super::source::{Source, SourceError};
use crate::grpc::backoff::Backoff;
use crate::grpc::classify::ErrorKind;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;

/// Bytes that are sent to containerd at once; from 1 to 4 MiB its throughput is best.
const CHUNK: usize = 2 << 20;
/// How often a blob is asked for when the source fails in a way that may pass.
const ATTEMPTS: u32 = 5;
/// Pause before another writer's reference is tried again, at most.
const LOCKED_PAUSE: Duration = Duration::from_millis(500);

/// Which part of an image a blob is: the prefix of its ingest reference, which all clients share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A manifest.
    Manifest,
    /// An index.
    Index,
    /// A configuration.
    Config,
    /// A layer.
    Layer,
}

impl Part {
    /// The reference under which the blob is written (containerd, `remotes.MakeRefKey`).
    fn reference(self, digest: &str) -> String {
        let prefix = match self {
            Self::Manifest => "manifest",
            Self::Index => "index",
            Self::Config => "config",
            Self::Layer => "layer",
        };
        format!("{prefix}-{digest}")
    }
}

/// The store, during one pull or import.
pub(crate) struct Store<'a> {
    /// The daemon, under the lease of the pull.
    pub(crate) daemon: &'a Daemon,
    /// Where bytes come from.
    pub(crate) source: &'a dyn Source,
    /// Locks of this process.
    pub(crate) locks: &'a KeyedLocks,
    /// Bytes that came from the source.
    pub(crate) received: &'a AtomicU64,
    /// What is being written.
    pub(crate) ingests: &'a Ingests,
}

/// How one try to store a blob ended short of success.
enum Try {
    /// Another client writes it.
    Locked,
    /// What was written has another digest.
    Wrong(String),
    /// The source failed.
    Broken(SourceError),
    /// It can not be done.
    Failed(InstallError),
}

impl From<RpcError> for Try {
    fn from(refused: RpcError) -> Self {
        match &refused.kind {
            ErrorKind::RefLocked => Self::Locked,
            ErrorKind::WrongContent(reason) => Self::Wrong(reason.clone()),
            _ => Self::Failed(refused.into()),
        }
    }
}

impl From<SourceError> for Try {
    fn from(error: SourceError) -> Self {
        Self::Broken(error)
    }
}

impl Store<'_> {
    /// Makes sure that the blob is there with these labels, and belongs to the lease. `known` are its bytes, if the
    /// caller has them.
    pub(crate) async fn put(
        &self,
        part: Part,
        blob: &Descriptor,
        labels: &Labels,
        known: Option<Bytes>,
    ) -> Result<(), InstallError> {
        let _one_writer = self.locks.lock(lock_of(&blob.digest)).await;
        let reference = part.reference(&blob.digest);
        self.ingests.begin(&blob.digest, &reference);
        self.put_alone(&reference, blob, labels, known).await?;
        self.ingests.end(&blob.digest);
        Ok(())
    }

    async fn put_alone(
        &self,
        reference: &str,
        blob: &Descriptor,
        labels: &Labels,
        known: Option<Bytes>,
    ) -> Result<(), InstallError> {
        let (mut broken, mut wrong, mut backoff) = (1, 0, Backoff::default());
        loop {
            match self.try_put(reference, blob, labels, known.clone()).await {
                Ok(()) => return Ok(()),
                // containerd tells nobody when a reference becomes free.
                Err(Try::Locked) => tokio::time::sleep(LOCKED_PAUSE.mul_f64(rand::random())).await,
                Err(Try::Wrong(reason)) => {
                    ingest::abort(self.daemon, reference).await?;
                    wrong += 1;
                    if wrong > 1 {
                        return Err(SourceError::Passing(format!("{}: {reason}", blob.digest)).into());
                    }
                }
                Err(Try::Broken(error)) => {
                    let pause = pause(&error, &mut backoff).filter(|_| broken < ATTEMPTS);
                    let Some(pause) = pause else { return Err(error.into()) };
                    tracing::debug!(digest = blob.digest, %error, "the blob is asked for again");
                    broken += 1;
                    tokio::time::sleep(pause).await;
                }
                Err(Try::Failed(error)) => return Err(error),
            }
        }
    }

    async fn try_put(
        &self,
        reference: &str,
        blob: &Descriptor,
        labels: &Labels,
        known: Option<Bytes>,
    ) -> Result<(), Try> {
        let written = match Session::open(self.daemon, reference, blob).await {
            Ok(session) if session.offset() > blob.size => {
                session.close().await;
                Err(Try::Wrong(format!("more than its {} bytes were written", blob.size)))
            }
            Ok(mut session) => match self.fill(&mut session, blob, known).await {
                Ok(()) => session.commit(labels).await.map_err(Try::from),
                Err(failure) => {
                    session.close().await;
                    Err(failure)
                }
            },
            // Opening it has put it under the lease.
            Err(refused) if refused.is_already_there() => Err(refused.into()),
            Err(refused) => return Err(refused.into()),
        };
        match written {
            Err(Try::Failed(InstallError::Daemon(refused))) if refused.is_already_there() => {
                Ok(content::label(self.daemon, &blob.digest, labels).await?)
            }
            other => other,
        }
    }

    /// Writes what is missing. Reading the next bytes overlaps with writing the last ones.
    async fn fill(
        &self,
        session: &mut Session<'_>,
        blob: &Descriptor,
        known: Option<Bytes>,
    ) -> Result<(), Try> {
        let missing = blob.size - session.offset();
        if missing == 0 {
            return Ok(());
        }
        let source = match known {
            Some(bytes) => {
                let start = usize::try_from(session.offset()).unwrap_or(usize::MAX).min(bytes.len());
                stream::iter([Ok(bytes.slice(start..))]).boxed()
            }
            None => self.source.blob(blob, session.offset()).await?,
        };
        let mut chunks = std::pin::pin!(chunked(limited(source, missing)));
        let mut next = chunks.next().await;
        while let Some(chunk) = next {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(Arrival::Failed(error)) => return Err(error.into()),
                Err(Arrival::Surplus) => {
                    return Err(Try::Wrong(format!("more than its {} bytes arrive", blob.size)));
                }
            };
            self.received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            let (written, following) = tokio::join!(session.write(chunk), chunks.next());
            written?;
            next = following;
        }
        if session.offset() < blob.size {
            return Err(Try::Broken(SourceError::Passing(format!(
                "{} ended after {} of {} bytes",
                blob.digest,
                session.offset(),
                blob.size
            ))));
        }
        Ok(())
    }
}

/// What may go wrong with what arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Arrival {
    /// The source failed.
    Failed(SourceError),
    /// There is more than there should be.
    Surplus,
}

/// Ends with an error at the first byte that is too many.
fn limited(
    source: impl Stream<Item = Result<Bytes, SourceError>> + Unpin,
    mut missing: u64,
) -> impl Stream<Item = Result<Bytes, Arrival>> + Unpin {
    // What joins the pieces asks once more after the end.
    source.fuse().map(move |piece| {
        let piece = piece.map_err(Arrival::Failed)?;
        missing = missing.checked_sub(piece.len() as u64).ok_or(Arrival::Surplus)?;
        Ok(piece)
    })
}

/// Joins small pieces into pieces of the size that containerd likes; an error comes after what preceded it.
fn chunked(
    source: impl Stream<Item = Result<Bytes, Arrival>> + Unpin,
) -> impl Stream<Item = Result<Vec<u8>, Arrival>> {
    stream::unfold((source, Vec::new(), None), |(mut source, rest, failure)| async move {
        if let Some(error) = failure {
            return Some((Err(error), (source, Vec::new(), None)));
        }
        let mut chunk: Vec<u8> = rest;
        let mut failure = None;
        while chunk.len() < CHUNK {
            match source.next().await {
                Some(Ok(bytes)) => chunk.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
                None => break,
            }
        }
        match (chunk.is_empty(), failure) {
            (true, None) => None,
            (true, Some(error)) => Some((Err(error), (source, Vec::new(), None))),
            (false, failure) => {
                let rest = if chunk.len() > CHUNK { chunk.split_off(CHUNK) } else { Vec::new() };
                Some((Ok(chunk), (source, rest, failure)))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sizes(pieces: Vec<Result<Bytes, Arrival>>) -> Vec<Result<usize, Arrival>> {
        chunked(stream::iter(pieces)).map(|chunk| chunk.map(|bytes| bytes.len())).collect().await
    }

    #[tokio::test]
    async fn small_pieces_are_joined_and_large_ones_divided() {
        let piece = |size: usize| Ok(Bytes::from(vec![7; size]));
        assert_eq!(sizes(vec![piece(3), piece(4)]).await, [Ok(7)]);
        assert_eq!(sizes(vec![piece(CHUNK + 5), piece(CHUNK)]).await, [Ok(CHUNK), Ok(CHUNK), Ok(5)]);
        assert_eq!(sizes(vec![piece(3 * CHUNK)]).await, [Ok(CHUNK), Ok(CHUNK), Ok(CHUNK)]);
        assert_eq!(sizes(vec![]).await, []);
    }

    #[tokio::test]
    async fn what_came_before_a_failure_is_kept_for_the_next_attempt() {
        let failure = Arrival::Failed(SourceError::Passing("reset".into()));
        let pieces = vec![Ok(Bytes::from_static(b"abc")), Err(failure.clone())];
        assert_eq!(sizes(pieces).await, [Ok(3), Err(failure)]);
    }

    #[tokio::test]
    async fn the_first_surplus_byte_ends_it() {
        let arrives = async |pieces: &[usize], missing| {
            let pieces = pieces.iter().map(|size| Ok(Bytes::from(vec![7; *size])));
            limited(stream::iter(pieces), missing)
                .map(|piece| piece.map(|bytes| bytes.len()))
                .collect::<Vec<_>>()
                .await
        };
        assert_eq!(arrives(&[3, 4], 7).await, [Ok(3), Ok(4)]);
        assert_eq!(arrives(&[3, 5], 7).await, [Ok(3), Err(Arrival::Surplus)]);
        assert_eq!(arrives(&[1], 0).await, [Err(Arrival::Surplus)]);
        assert_eq!(arrives(&[], 7).await, []);
    }

    #[test]
    fn references_are_those_of_other_clients() {
        assert_eq!(Part::Layer.reference("sha256:aa"), "layer-sha256:aa");
        assert_eq!(Part::Manifest.reference("sha256:aa"), "manifest-sha256:aa");
    }
}
