//! Whether what an image says it has fits onto the disk of containerd's content store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use containerd_client::services::v1::PluginsRequest;

use super::InstallError;
use super::content;
use super::model::{Descriptor, Manifest};
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::health::daemon_process::DaemonHost;

/// The plug-in that keeps blobs.
const CONTENT_STORE: &str = "io.containerd.content.v1";
/// What it exports of the directory that it keeps them in.
const ROOT: &str = "root";

/// Refuses an image whose layers, as far as they are not there, have more bytes than there is room for. Where the disk
/// cannot be looked at nothing is claimed.
pub(crate) async fn check(daemon: &Daemon, manifest: &Manifest) -> Result<(), InstallError> {
    // Layers that are there twice are fetched once.
    let layers: BTreeMap<&str, &Descriptor> =
        manifest.layers.iter().map(|layer| (layer.digest.as_str(), layer)).collect();
    let declared = layers.values().fold(0, |sum: u64, layer| sum.saturating_add(layer.size));
    if declared == 0 {
        return Ok(());
    }
    let Some(root) = content_root(daemon).await? else { return Ok(()) };
    let Some(free) = free(daemon, &root).await else { return Ok(()) };
    if declared <= free {
        return Ok(());
    }
    let mut needed: u64 = 0;
    for layer in layers.values() {
        if content::info(daemon, &layer.digest).await?.is_none() {
            needed = needed.saturating_add(layer.size);
        }
    }
    if needed <= free { Ok(()) } else { Err(InstallError::NoRoom { needed, free, root }) }
}

/// The directory of the content store, as the daemon sees it.
async fn content_root(daemon: &Daemon) -> Result<Option<PathBuf>, RpcError> {
    let request = PluginsRequest { filters: vec![format!("type=={CONTENT_STORE}")] };
    let mut introspection = daemon.introspection();
    match daemon.call("ask for the content store", CONTENT_STORE, introspection.plugins(request)).await {
        Ok(listed) => {
            let mut stores = listed.plugins.into_iter().filter(|plugin| plugin.r#type == CONTENT_STORE);
            Ok(stores.find_map(|mut plugin| plugin.exports.remove(ROOT)).map(PathBuf::from))
        }
        Err(refused) if refused.is_lost() => Err(refused),
        Err(_) => Ok(None),
    }
}

/// The bytes that are free where the daemon has this directory; none when that cannot be seen from here.
async fn free(daemon: &Daemon, directory: &Path) -> Option<u64> {
    let directory = DaemonHost::of(daemon).await?.seen_from_here(directory)?;
    let looked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&directory)).await;
    let disk = looked.ok()?.ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
