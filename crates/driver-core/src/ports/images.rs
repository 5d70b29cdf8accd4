//! The port's images: a reference in, an unpacked image out.

use std::time::Duration;

use async_trait::async_trait;

use super::ContainersError;
use crate::request::credentials::Credentials;

/// Which image is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The reference as the job has it.
    pub reference: String,
    /// Deadline of a whole pull.
    pub timeout: Duration,
    /// What may be sent to the image's registry: the first that is for it.
    pub credentials: Vec<Credentials>,
}

/// An image that is present and unpacked, with what its configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The full, normalised reference under which containerd knows it.
    pub name: String,
    /// Digest of the manifest or index (`sha256:…`).
    pub digest: String,
    /// The chain id of the top layer: parent of a task's snapshot. Empty for an image without layers.
    pub chain_id: String,
    /// ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// CMD.
    pub cmd: Vec<String>,
    /// ENV as `NAME=value`, in the image's order.
    pub env: Vec<String>,
    /// VOLUME: absolute or relative directories as the image has them, sorted.
    pub volumes: Vec<String>,
    /// USER, or empty.
    pub user: String,
    /// WORKDIR, or empty.
    pub working_dir: String,
    /// STOPSIGNAL, or empty.
    pub stop_signal: String,
}

/// What happened on the way to an image, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The image is not here and its pull begins.
    PullStarted {
        /// The full reference.
        image: String,
    },
    /// The pull is done.
    PullDone(PullReport),
}

/// A finished pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullReport {
    /// The full reference.
    pub image: String,
    /// Bytes that came over the network.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// Images of the daemon.
#[async_trait]
pub trait Images: Send + Sync + 'static {
    /// Gives the image, pulled and unpacked for the configured snapshotter if it was not. An image that is
    /// present needs no registry and no credentials. Parallel requests for one image with the same credentials share one
    /// pull; a caller that goes away does not end the pull of the others. The last one ends it by going away, and nothing
    /// of it stays.
    ///
    /// # Errors
    /// [`ContainersError::ImageRefused`] when asking again can not help (bad reference, not found, denied, no match
    /// for this platform), [`ContainersError::PullInterrupted`] when it can, or those of the daemon.
    async fn image(
        &self,
        request: &ImageRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Image, ContainersError>;
}
