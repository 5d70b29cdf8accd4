//! Where the bytes of an image come from.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::model::Descriptor;

/// The bytes of a blob.
pub(crate) type BlobStream = BoxStream<'static, Result<Bytes, SourceError>>;

/// Why a source does not give what was asked for; each with one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// Asking again does not help.
    #[error("{0}")]
    Final(String),
    /// Asking again may help.
    #[error("{0}")]
    Passing(String),
    /// Asking again may help after this time, which the source named itself.
    #[error("{0}")]
    Busy(String, Duration),
}

/// A registry or an archive.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// A whole manifest or index.
    async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, SourceError>;

    /// A configuration or layer, from an offset in bytes on.
    async fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream, SourceError>;
}

/// No source: an image whose content is all there needs none.
#[derive(Debug)]
pub(crate) struct Nowhere;

#[async_trait]
impl Source for Nowhere {
    async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, SourceError> {
        Err(missing(descriptor))
    }

    async fn blob(&self, descriptor: &Descriptor, _offset: u64) -> Result<BlobStream, SourceError> {
        Err(missing(descriptor))
    }
}

fn missing(descriptor: &Descriptor) -> SourceError {
    SourceError::Passing(format!("{} is gone from containerd's store", descriptor.digest))
}
