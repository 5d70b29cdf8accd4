//! Why an image could not be made whole.

use std::path::PathBuf;

use driver_core::ports::ContainersError;

use super::model::ModelError;
use super::source::SourceError;
use crate::grpc::error::RpcError;

/// A pull, import or unpacking that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum InstallError {
    /// containerd refused a call.
    #[error("containerd refused a call")]
    Daemon(#[from] RpcError),
    /// The registry or archive failed.
    #[error("{0}")]
    Source(SourceError),
    /// A document is none that can be used.
    #[error("{0}")]
    Model(ModelError),
    /// Nothing for this host.
    #[error("it has no image for {host}; it is for {}", if others.is_empty() { "no platform" } else { others })]
    NoPlatform {
        /// The host's platform.
        host: String,
        /// The platforms that it is for.
        others: String,
    },
    /// Layers that are larger than the disk has room for.
    #[error(
        "its layers need {needed} bytes, and {} of containerd has {free} bytes free; make room there", root.display()
    )]
    NoRoom {
        /// Bytes of the layers that are not there.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Where.
        root: PathBuf,
    },
    /// An index of an index of an index.
    #[error("its indexes are nested too deeply")]
    TooDeep,
    /// A layer is not what the configuration says.
    #[error("layer {layer} unpacks to {actual}, but the configuration says {expected}")]
    DiffId {
        /// The packed layer.
        layer: String,
        /// What came out.
        actual: String,
        /// What should have.
        expected: String,
    },
}

impl From<SourceError> for InstallError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<ModelError> for InstallError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl InstallError {
    /// The port's error, for the image of this reference.
    pub(crate) fn of_image(self, reference: &str) -> ContainersError {
        let reference = reference.to_owned();
        match self {
            Self::Daemon(refused) => refused.into(),
            Self::Source(SourceError::Passing(reason) | SourceError::Busy(reason, _)) => {
                ContainersError::PullInterrupted { reference, reason }
            }
            // Somebody makes room, or containerd itself when it collects.
            full @ Self::NoRoom { .. } => {
                ContainersError::PullInterrupted { reference, reason: full.to_string() }
            }
            Self::Source(SourceError::Final(reason)) => ContainersError::ImageRefused { reference, reason },
            Self::Model(error) => ContainersError::ImageRefused { reference, reason: error.to_string() },
            refusal @ (Self::NoPlatform { .. } | Self::TooDeep | Self::DiffId { .. }) => {
                ContainersError::ImageRefused { reference, reason: refusal.to_string() }
            }
        }
    }
}
