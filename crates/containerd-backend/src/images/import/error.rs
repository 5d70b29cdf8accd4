//! Failures of an import.

use std::path::PathBuf;

use driver_core::ports::ContainersError;

/// Why an archive was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can not be read, or is no tar archive.
    #[error("{} can not be read as an archive", path.display())]
    Read {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A tar archive of something else.
    #[error("{} has neither index.json (an OCI layout) nor manifest.json (docker save)", path.display())]
    NoImages {
        /// The archive.
        path: PathBuf,
    },
    /// One of the archive's own documents.
    #[error("{} in {}: {reason}", document, path.display())]
    Document {
        /// The archive.
        path: PathBuf,
        /// The document, by its path in the archive.
        document: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Images without names.
    #[error(
        "{} does not name its image: it needs the annotation io.containerd.image.name, a full \
         org.opencontainers.image.ref.name, or RepoTags", path.display()
    )]
    Unnamed {
        /// The archive.
        path: PathBuf,
    },
    /// A name that is none.
    #[error("{} names an image {name:?}: {reason}", path.display())]
    Name {
        /// The archive.
        path: PathBuf,
        /// The name.
        name: String,
        /// Why it is none.
        reason: String,
    },
    /// What containerd, or the image itself, had against it.
    #[error(transparent)]
    Image(#[from] ContainersError),
}
