//! Making an image whole in containerd: documents, layers, snapshots, labels, and its record last.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use driver_core::ports::Image;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::oneshot;

use super::InstallError;
use super::config::{ImageConfig, MAX_CONFIG};
use super::content;
use super::ingests::Ingests;
use super::labels::{self, Labels};
use super::local;
use super::locks::KeyedLocks;
use super::model::{Descriptor, Document, MAX_MANIFEST, Manifest};
use super::platform::{self, Host};
use super::record;
use super::retry::retried;
use super::room;
use super::snapshots::{LayerStep, Unpacker};
use super::source::{Source, SourceError};
use super::store::{Part, Store};
use crate::grpc::daemon::Daemon;

/// Layers that are fetched at the same time.
const PARALLEL_LAYERS: usize = 3;
/// Deepest nesting of indexes that is followed.
const MAX_DEPTH: usize = 4;

/// One pull or import of one image.
pub(crate) struct Install<'a> {
    /// The daemon, under the lease.
    pub(crate) daemon: &'a Daemon,
    /// The lease.
    pub(crate) lease: &'a str,
    /// The snapshotter's name.
    pub(crate) snapshotter: &'a str,
    /// Locks of this process.
    pub(crate) locks: &'a KeyedLocks,
    /// Where bytes come from.
    pub(crate) source: &'a dyn Source,
    /// Labels of every blob.
    pub(crate) origin: Labels,
    /// Bytes that came from the source.
    pub(crate) received: AtomicU64,
    /// What is being written.
    pub(crate) ingests: Ingests,
}

/// The documents of one image.
struct Documents {
    manifest: Manifest,
    config: ImageConfig,
    config_bytes: Bytes,
}

impl Install<'_> {
    /// Bytes that came from the source so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Throws away what it has begun to write and not finished.
    pub(crate) async fn abort(&self) {
        self.ingests.abort(self.daemon, self.locks).await;
    }

    /// Makes the image that `root` names whole, and records it under the name.
    pub(crate) async fn run(&self, name: &str, root: &Descriptor) -> Result<Image, InstallError> {
        let Documents { manifest, config, config_bytes } = self.documents(root).await?;
        room::check(self.daemon, &manifest).await?;
        let chain = config.chain_ids();
        self.layers(&manifest, &config, &chain).await?;
        let mut config_labels = self.origin.clone();
        if let Some(top) = chain.last() {
            config_labels.extend(labels::unpacked(self.snapshotter, top));
        }
        self.store().put(Part::Config, &manifest.config, &config_labels, Some(config_bytes)).await?;
        record::write(self.daemon, name, root).await?;
        Ok(local::image_of(name, root, &config))
    }

    fn store(&self) -> Store<'_> {
        let Self { daemon, source, locks, received, ingests, .. } = self;
        Store { daemon, source: *source, locks, received, ingests }
    }

    /// Follows indexes to the manifest for this host, and stores what is on the way.
    async fn documents(&self, root: &Descriptor) -> Result<Documents, InstallError> {
        let host = Host::this();
        let mut current = root.clone();
        for _ in 0..MAX_DEPTH {
            let bytes = self.manifest_bytes(&current).await?;
            let document = Document::parse(&current, &bytes)?;
            let mut labels = self.origin.clone();
            labels.extend(labels::children(&document));
            let part = match &document {
                Document::Index(_) => Part::Index,
                Document::Manifest(manifest) => {
                    manifest.check()?;
                    Part::Manifest
                }
            };
            self.store().put(part, &current, &labels, Some(bytes)).await?;
            match document {
                Document::Index(manifests) => {
                    let chosen = host.choose(&manifests).ok_or_else(|| InstallError::NoPlatform {
                        host: host.name(),
                        others: platform::names(&manifests),
                    })?;
                    chosen.check("a manifest of an index")?;
                    current = chosen.clone();
                }
                Document::Manifest(manifest) => return self.configured(&host, manifest).await,
            }
        }
        Err(InstallError::TooDeep)
    }

    async fn configured(&self, host: &Host, manifest: Manifest) -> Result<Documents, InstallError> {
        let config_bytes = self.config_bytes(&manifest.config).await?;
        let config = ImageConfig::parse(&manifest, &config_bytes)?;
        if !host.runs(&config.platform) {
            let others = platform::name(&config.platform);
            return Err(InstallError::NoPlatform { host: host.name(), others });
        }
        Ok(Documents { manifest, config, config_bytes })
    }

    async fn manifest_bytes(&self, descriptor: &Descriptor) -> Result<Bytes, InstallError> {
        check_size(descriptor, MAX_MANIFEST as u64)?;
        if let Some(bytes) = content::read(self.daemon, &descriptor.digest).await? {
            return Ok(bytes);
        }
        Ok(verified(descriptor, self.source.manifest(descriptor).await?)?)
    }

    async fn config_bytes(&self, descriptor: &Descriptor) -> Result<Bytes, InstallError> {
        check_size(descriptor, MAX_CONFIG)?;
        if let Some(bytes) = content::read(self.daemon, &descriptor.digest).await? {
            return Ok(bytes);
        }
        Ok(retried(&descriptor.digest, || self.fetched_config(descriptor)).await?)
    }

    async fn fetched_config(&self, descriptor: &Descriptor) -> Result<Bytes, SourceError> {
        let mut stream = self.source.blob(descriptor, 0).await?;
        let mut bytes = BytesMut::new();
        while let Some(part) = stream.try_next().await? {
            if (bytes.len() + part.len()) as u64 > descriptor.size {
                return Err(SourceError::Passing(format!(
                    "more than the {} bytes of {} arrive",
                    descriptor.size, descriptor.digest
                )));
            }
            bytes.extend_from_slice(&part);
        }
        verified(descriptor, bytes.freeze())
    }

    /// Fetches the layers, some at a time, and unpacks them in order as they arrive.
    async fn layers(
        &self,
        manifest: &Manifest,
        config: &ImageConfig,
        chain: &[String],
    ) -> Result<(), InstallError> {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            manifest.layers.iter().map(|_| oneshot::channel()).unzip();
        let mut fetches = Vec::new();
        for ((layer, diff_id), done) in manifest.layers.iter().zip(&config.rootfs.diff_ids).zip(senders) {
            fetches.push(self.layer(layer, diff_id, done));
        }
        let fetching = stream::iter(fetches).buffer_unordered(PARALLEL_LAYERS).try_collect::<()>();
        tokio::try_join!(fetching, self.unpacking(manifest, config, chain, receivers))?;
        Ok(())
    }

    async fn layer(
        &self,
        layer: &Descriptor,
        diff_id: &str,
        done: oneshot::Sender<()>,
    ) -> Result<(), InstallError> {
        let mut labels = self.origin.clone();
        labels.extend(labels::layer(diff_id));
        self.store().put(Part::Layer, layer, &labels, None).await?;
        // Nobody waits for it when the snapshots are there already.
        let _ = done.send(());
        Ok(())
    }

    async fn unpacking(
        &self,
        manifest: &Manifest,
        config: &ImageConfig,
        chain: &[String],
        arrivals: Vec<oneshot::Receiver<()>>,
    ) -> Result<(), InstallError> {
        let Self { daemon, lease, snapshotter, locks, .. } = *self;
        let unpacker = Unpacker { daemon, lease, snapshotter, locks };
        if let Some(top) = chain.last()
            && unpacker.hold(top).await?
        {
            return Ok(());
        }
        let mut parent = "";
        let layers = manifest.layers.iter().zip(&config.rootfs.diff_ids).zip(chain).zip(arrivals);
        for (((blob, diff_id), chain_id), arrival) in layers {
            if arrival.await.is_err() {
                // The fetch failed: its error ends the whole.
                std::future::pending::<()>().await;
            }
            unpacker.unpack(LayerStep { blob, diff_id, parent, chain_id }).await?;
            parent = chain_id;
        }
        Ok(())
    }
}

/// Refuses a document that is said to be larger than any is.
fn check_size(descriptor: &Descriptor, largest: u64) -> Result<(), SourceError> {
    if descriptor.size <= largest {
        return Ok(());
    }
    let Descriptor { digest, size, .. } = descriptor;
    Err(SourceError::Final(format!("{digest} has {size} bytes; a document has at most {largest}")))
}

/// Refuses bytes that are not those which were asked for.
fn verified(descriptor: &Descriptor, bytes: Bytes) -> Result<Bytes, SourceError> {
    let (digest, size) = (&descriptor.digest, bytes.len());
    if !descriptor.is_of(&bytes) {
        let reason = format!("the {size} bytes received for {digest} have another digest");
        return Err(SourceError::Passing(reason));
    }
    if size as u64 != descriptor.size {
        let reason = format!("{digest} has {size} bytes, and what refers to it says {}", descriptor.size);
        return Err(SourceError::Final(reason));
    }
    Ok(bytes)
}
