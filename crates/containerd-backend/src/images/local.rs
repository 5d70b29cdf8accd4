//! Images that containerd has: whether one can be used as it is, needs unpacking, or must be fetched.

use driver_core::ports::Image;

use super::InstallError;
use super::config::ImageConfig;
use super::content;
use super::labels::snapshot_label;
use super::model::{Descriptor, Document, Manifest};
use super::platform::Host;
use super::record;
use crate::grpc::daemon::Daemon;
use crate::objects::snapshot;

/// Deepest nesting of indexes that is followed.
const MAX_DEPTH: usize = 4;

/// What containerd has of an image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Presence {
    /// All that a task needs.
    Ready(Image),
    /// All of its content, but not unpacked for this snapshotter.
    Packed(Descriptor),
    /// Not all of it.
    Absent,
}

/// Looks for an image of this name.
pub(crate) async fn look(daemon: &Daemon, snapshotter: &str, name: &str) -> Result<Presence, InstallError> {
    let Some(root) = record::read(daemon, name).await? else { return Ok(Presence::Absent) };
    let Some((manifest, config)) = documents(daemon, &root).await? else { return Ok(Presence::Absent) };
    if is_unpacked(daemon, snapshotter, &manifest, &config).await? {
        return Ok(Presence::Ready(image_of(name, &root, &config)));
    }
    for layer in &manifest.layers {
        if content::info(daemon, &layer.digest).await?.is_none() {
            return Ok(Presence::Absent);
        }
    }
    Ok(Presence::Packed(root))
}

/// The manifest for this host and its configuration; none when one of them is missing, or can not be used (then a
/// pull says why).
async fn documents(
    daemon: &Daemon,
    root: &Descriptor,
) -> Result<Option<(Manifest, ImageConfig)>, InstallError> {
    let host = Host::this();
    let mut current = root.clone();
    for _ in 0..MAX_DEPTH {
        let Some(bytes) = content::read(daemon, &current.digest).await? else { return Ok(None) };
        match Document::parse(&current, &bytes)? {
            Document::Index(manifests) => match host.choose(&manifests) {
                Some(chosen) => current = chosen.clone(),
                None => return Ok(None),
            },
            Document::Manifest(manifest) => {
                let Some(bytes) = content::read(daemon, &manifest.config.digest).await? else {
                    return Ok(None);
                };
                let config = ImageConfig::parse(&manifest, &bytes)?;
                return Ok(host.runs(&config.platform).then_some((manifest, config)));
            }
        }
    }
    Ok(None)
}

/// Whether the snapshot of the top layer is there, and stays as long as the image does.
async fn is_unpacked(
    daemon: &Daemon,
    snapshotter: &str,
    manifest: &Manifest,
    config: &ImageConfig,
) -> Result<bool, InstallError> {
    let chain = config.chain_ids();
    let Some(top) = chain.last() else { return Ok(true) };
    let info = content::info(daemon, &manifest.config.digest).await?.unwrap_or_default();
    let is_held = info.labels.get(&snapshot_label(snapshotter)) == Some(top);
    Ok(is_held && snapshot::exists(daemon, snapshotter, top).await?)
}

/// The port's view of an image.
pub(crate) fn image_of(name: &str, root: &Descriptor, config: &ImageConfig) -> Image {
    let run = config.config.clone();
    Image {
        name: name.to_owned(),
        digest: root.digest.clone(),
        chain_id: config.chain_ids().pop().unwrap_or_default(),
        entrypoint: run.entrypoint,
        cmd: run.cmd,
        env: run.env,
        volumes: run.volumes,
        user: run.user,
        working_dir: run.working_dir,
        stop_signal: run.stop_signal,
    }
}
