//! An archive as a source of images.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::archive::{Archive, Extent};
use super::docker::Documents;
use super::layout::blob_path;
use crate::images::model::Descriptor;
use crate::images::source::{BlobStream, Source, SourceError};

/// Bytes that are read at once.
const CHUNK: usize = 2 << 20;

/// The archive, and how digests are found in it.
#[derive(Debug)]
pub(super) struct ArchiveSource {
    archive: Arc<Archive>,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    /// By the paths of an OCI layout.
    Layout,
    /// By what was learnt of the files.
    Docker(Documents),
}

impl ArchiveSource {
    /// An OCI layout.
    pub(super) fn of_layout(archive: Archive) -> Self {
        Self { archive: Arc::new(archive), contents: Contents::Layout }
    }

    /// What `docker save` wrote.
    pub(super) fn of_docker(archive: Archive, documents: Documents) -> Self {
        Self { archive: Arc::new(archive), contents: Contents::Docker(documents) }
    }

    fn find(&self, digest: &str) -> Result<Extent, SourceError> {
        let found = match &self.contents {
            Contents::Layout => self.archive.find(&blob_path(digest)),
            Contents::Docker(documents) => documents.files.get(digest).copied(),
        };
        found.ok_or_else(|| SourceError::Final(format!("the archive lacks {digest}")))
    }
}

#[async_trait]
impl Source for ArchiveSource {
    async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, SourceError> {
        if let Contents::Docker(documents) = &self.contents
            && let Some(bytes) = documents.manifests.get(&descriptor.digest)
        {
            return Ok(bytes.clone());
        }
        let mut stream = self.blob(descriptor, 0).await?;
        // Documents are smaller than one piece; a larger one fails by its digest.
        stream.next().await.unwrap_or_else(|| Ok(Bytes::new()))
    }

    async fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream, SourceError> {
        let extent = self.find(&descriptor.digest)?;
        let archive = Arc::clone(&self.archive);
        let pieces = stream::try_unfold(offset, move |offset| {
            let archive = Arc::clone(&archive);
            async move {
                if offset >= extent.size {
                    return Ok(None);
                }
                let read = tokio::task::spawn_blocking(move || archive.read(extent, offset, CHUNK)).await;
                let bytes = read.map_err(std::io::Error::other).flatten();
                let bytes = bytes
                    .map_err(|error| SourceError::Final(format!("the archive can not be read: {error}")))?;
                let next = offset + bytes.len() as u64;
                Ok(Some((Bytes::from(bytes), next)))
            }
        });
        Ok(pieces.boxed())
    }
}
