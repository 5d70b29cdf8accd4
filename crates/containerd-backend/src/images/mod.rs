//! Images: a reference in, an unpacked image out.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use driver_core::ports::{ContainersError, Image, ImageRequest, Progress, PullReport};
use tokio_util::sync::CancellationToken;

use crate::grpc::daemon::Daemon;
use crate::objects::{lease, snapshot};

pub(crate) mod config;
mod content;
mod error;
mod flights;
pub(crate) mod import;
mod ingest;
mod ingests;
mod install;
pub(crate) mod json;
pub(crate) mod labels;
mod local;
pub(crate) mod locks;
pub(crate) mod media_types;
pub(crate) mod model;
mod platform;
mod record;
pub(crate) mod reference;
mod registry;
mod retry;
mod room;
pub(crate) mod snapshots;
pub(crate) mod source;
mod store;

pub(crate) use error::InstallError;
pub(crate) use ingests::Ingests;
pub(crate) use install::Install;

use flights::Flights;
use local::Presence;
use locks::KeyedLocks;
use model::Descriptor;
use reference::Reference;
use registry::{Access, Registry};
use source::{Nowhere, Source};

/// How long a pull's lease lasts when nobody deletes it, because the driver died.
const LEASE_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Images whose documents are remembered.
const REMEMBERED: usize = 256;

/// Images of one daemon for one snapshotter.
pub(crate) struct ImageStore {
    daemon: Daemon,
    snapshotter: String,
    locks: KeyedLocks,
    /// By name and access: nobody gets an image through the pull of another who has other credentials.
    pulls: Flights<(String, Access), Result<Pulled, InstallError>>,
    /// Images that were found ready, by name: documents never change, so only name and snapshot are asked for again.
    ready: Mutex<HashMap<String, Image>>,
}

/// A finished pull or unpacking.
#[derive(Debug, Clone)]
struct Pulled {
    image: Image,
    bytes: u64,
    took: Duration,
}

impl fmt::Debug for ImageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageStore").field("snapshotter", &self.snapshotter).finish_non_exhaustive()
    }
}

impl ImageStore {
    /// The images of a daemon.
    pub(crate) fn new(daemon: Daemon, snapshotter: &str) -> Arc<Self> {
        Arc::new(Self {
            daemon,
            snapshotter: snapshotter.to_owned(),
            locks: KeyedLocks::default(),
            pulls: Flights::default(),
            ready: Mutex::default(),
        })
    }

    /// See [`driver_core::ports::Images::image`].
    pub(crate) async fn image(
        self: &Arc<Self>,
        request: &ImageRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Image, ContainersError> {
        let reference = Reference::parse(&request.reference).map_err(|error| {
            ContainersError::ImageRefused { reference: request.reference.clone(), reason: error.to_string() }
        })?;
        let name = reference.to_string();
        let presence = self.look(&name).await.map_err(|error| error.of_image(&name))?;
        if let Presence::Ready(image) = presence {
            return Ok(image);
        }
        let is_pull = presence == Presence::Absent;
        if is_pull {
            progress(Progress::PullStarted { image: name.clone() });
        }
        let key = (name.clone(), Access::to(&reference, &request.credentials));
        if is_pull && !key.1.kept_for().is_empty() {
            tracing::info!(image = name, of = ?key.1.kept_for(), "credentials of other registries are not sent");
        }
        let flight =
            self.pulls.join(&key, |stop| Arc::clone(self).obtain(reference, key.1.clone(), presence, stop));
        let pulled = match tokio::time::timeout(request.timeout, flight.result()).await {
            Ok(Some(result)) => result.map_err(|error| error.of_image(&name))?,
            Ok(None) => return Err(interrupted(&name, "its pull ended unexpectedly".to_owned())),
            Err(_) => {
                return Err(interrupted(&name, format!("it did not arrive within {:?}", request.timeout)));
            }
        };
        if is_pull {
            let Pulled { bytes, took, .. } = pulled;
            progress(Progress::PullDone(PullReport { image: name, bytes, took }));
        }
        Ok(pulled.image)
    }

    /// Looks for the image in containerd.
    async fn look(&self, name: &str) -> Result<Presence, InstallError> {
        let known = self.ready.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(image) = known
            && self.is_still_ready(&image).await?
        {
            return Ok(Presence::Ready(image));
        }
        let presence = match local::look(&self.daemon, &self.snapshotter, name).await {
            // What containerd has of it can not be used: the registry may have better, and says what is wrong if not.
            Err(InstallError::Model(error)) => {
                tracing::warn!(image = name, %error, "the local image can not be used");
                Presence::Absent
            }
            other => other?,
        };
        if let Presence::Ready(image) = &presence {
            self.remember(image);
        }
        Ok(presence)
    }

    async fn is_still_ready(&self, image: &Image) -> Result<bool, InstallError> {
        let (record, snapshot) = tokio::join!(record::read(&self.daemon, &image.name), async {
            match image.chain_id.as_str() {
                "" => Ok(true),
                chain_id => snapshot::exists(&self.daemon, &self.snapshotter, chain_id).await,
            }
        });
        Ok(record?.is_some_and(|target| target.digest == image.digest) && snapshot?)
    }

    fn remember(&self, image: &Image) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= REMEMBERED {
            ready.clear();
        }
        ready.insert(image.name.clone(), image.clone());
    }

    /// The shared job: fetches and unpacks, under a lease that is deleted at the end, however it ends.
    async fn obtain(
        self: Arc<Self>,
        reference: Reference,
        access: Access,
        presence: Presence,
        stop: CancellationToken,
    ) -> Result<Pulled, InstallError> {
        let begin = Instant::now();
        let name = reference.to_string();
        let content = tokio::select! {
            content = Content::find(&reference, access, presence) => content?,
            () = stop.cancelled() => return Err(nobody_waits()),
        };
        let lease = format!("pull-{:016x}", rand::random::<u64>());
        let daemon = lease::create(&self.daemon, &lease, LEASE_LIFETIME, &[].into()).await?;
        let install = Install {
            daemon: &daemon,
            lease: &lease,
            snapshotter: &self.snapshotter,
            locks: &self.locks,
            source: content.source(),
            origin: content.origin.clone(),
            received: AtomicU64::new(0),
            ingests: Ingests::default(),
        };
        let result = tokio::select! {
            result = install.run(&name, &content.root) => result,
            () = stop.cancelled() => Err(nobody_waits()),
        };
        if result.is_err() {
            install.abort().await;
        }
        let end = if result.is_ok() { lease::End::Later } else { lease::End::Now };
        if let Err(error) = lease::delete(&self.daemon, &lease, end).await {
            tracing::warn!(lease, ?error, "the lease of a pull is left to expire");
        }
        let (image, bytes) = (result?, install.received());
        self.remember(&image);
        tracing::info!(image = name, bytes, took_ms = begin.elapsed().as_millis(), "the image is ready");
        Ok(Pulled { image, bytes, took: begin.elapsed() })
    }
}

/// Where an image's content comes from.
struct Content {
    /// None when containerd has it all.
    registry: Option<Registry>,
    /// The image's manifest or index.
    root: Descriptor,
    /// Labels of every blob.
    origin: labels::Labels,
}

impl Content {
    async fn find(
        reference: &Reference,
        access: Access,
        presence: Presence,
    ) -> Result<Self, source::SourceError> {
        match presence {
            Presence::Packed(root) => Ok(Self { registry: None, root, origin: labels::Labels::new() }),
            Presence::Ready(_) | Presence::Absent => {
                let (registry, root) = Registry::resolve(reference, access).await?;
                Ok(Self { registry: Some(registry), root, origin: labels::origin(reference) })
            }
        }
    }

    fn source(&self) -> &dyn Source {
        match &self.registry {
            Some(registry) => registry,
            None => &Nowhere,
        }
    }
}

fn nobody_waits() -> InstallError {
    source::SourceError::Passing("nobody waits for it any more".to_owned()).into()
}

fn interrupted(name: &str, reason: String) -> ContainersError {
    ContainersError::PullInterrupted { reference: name.to_owned(), reason }
}
