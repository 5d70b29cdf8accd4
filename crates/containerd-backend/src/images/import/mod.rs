//! Images out of archives: OCI layouts and what `docker save` writes, as tar, also compressed with gzip.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use driver_core::ports::{ContainersError, PullReport};

use crate::grpc::daemon::Daemon;
use crate::images::labels::Labels;
use crate::images::locks::KeyedLocks;
use crate::images::{Ingests, Install};
use crate::objects::lease;

mod archive;
mod docker;
mod error;
mod layout;
mod named;
mod source;

pub use error::ImportError;

use archive::Archive;
use named::Named;
use source::ArchiveSource;

/// Deadline of one call to containerd.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the lease lasts when nobody deletes it, because the process died.
const LEASE_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How an import goes on, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportProgress {
    /// An image of the archive comes next.
    Started {
        /// Its full name.
        image: String,
    },
    /// It is there and unpacked; the bytes are those that containerd did not have.
    Done(PullReport),
}

/// Brings every image of an archive into containerd, unpacked for the snapshotter, and gives their full names.
/// They are then as good as pulled ones.
///
/// # Errors
/// When the archive can not be read, holds no image for this host, does not name one, or when containerd refuses.
pub async fn import(
    address: &Path,
    namespace: &str,
    snapshotter: &str,
    archive: &Path,
    progress: &(dyn Fn(ImportProgress) + Send + Sync),
) -> Result<Vec<String>, ImportError> {
    let daemon = Daemon::new(address, namespace, CALL_TIMEOUT)?;
    let (source, images) = open(archive).await?;
    let lease = format!("import-{:016x}", rand::random::<u64>());
    let leased =
        lease::create(&daemon, &lease, LEASE_LIFETIME, &[].into()).await.map_err(ContainersError::from)?;
    let result = import_all(&leased, &lease, snapshotter, &source, &images, progress).await;
    let end = if result.is_ok() { lease::End::Later } else { lease::End::Now };
    if let Err(error) = lease::delete(&daemon, &lease, end).await {
        tracing::warn!(lease, ?error, "the lease of an import is left to expire");
    }
    Ok(result?)
}

async fn import_all(
    daemon: &Daemon,
    lease: &str,
    snapshotter: &str,
    source: &ArchiveSource,
    images: &[Named],
    progress: &(dyn Fn(ImportProgress) + Send + Sync),
) -> Result<Vec<String>, ContainersError> {
    let locks = KeyedLocks::default();
    let mut names = Vec::new();
    for Named { reference, root } in images {
        let (image, begin) = (reference.to_string(), Instant::now());
        progress(ImportProgress::Started { image: image.clone() });
        let install = Install {
            daemon,
            lease,
            snapshotter,
            locks: &locks,
            source,
            origin: Labels::new(),
            received: AtomicU64::new(0),
            ingests: Ingests::default(),
        };
        if let Err(error) = install.run(&image, root).await {
            install.abort().await;
            return Err(error.of_image(&image));
        }
        let (bytes, took) = (install.received(), begin.elapsed());
        progress(ImportProgress::Done(PullReport { image: image.clone(), bytes, took }));
        names.push(image);
    }
    Ok(names)
}

/// Reads what the archive holds.
async fn open(path: &Path) -> Result<(ArchiveSource, Vec<Named>), ImportError> {
    let path = path.to_path_buf();
    let failed = path.clone();
    let opened = tokio::task::spawn_blocking(move || open_blocking(&path)).await;
    opened
        .unwrap_or_else(|error| Err(ImportError::Read { path: failed, source: std::io::Error::other(error) }))
}

/// The names of the images in an archive.
#[cfg(feature = "fuzz")]
pub(crate) fn names(path: &Path) -> Result<Vec<String>, ImportError> {
    let (_, images) = open_blocking(path)?;
    Ok(images.iter().map(|image| image.reference.to_string()).collect())
}

fn open_blocking(path: &Path) -> Result<(ArchiveSource, Vec<Named>), ImportError> {
    let archive =
        Archive::open(path).map_err(|source| ImportError::Read { path: path.to_path_buf(), source })?;
    let images = layout::images(path, &archive)?;
    if let Some(images) = &images
        && !images.is_empty()
    {
        return Ok((ArchiveSource::of_layout(archive), images.clone()));
    }
    match docker::images(path, &archive)? {
        Some((images, documents)) if !images.is_empty() => {
            Ok((ArchiveSource::of_docker(archive, documents), images))
        }
        None if images.is_none() => Err(ImportError::NoImages { path: path.to_path_buf() }),
        _ => Err(ImportError::Unnamed { path: path.to_path_buf() }),
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
