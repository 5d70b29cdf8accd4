//! The lock of an instance, by which a keeper that was killed is told from one that lives.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

/// Held as long as the keeper lives: an instance whose lock is free has lost its keeper.
///
/// # Errors
/// The lock's file can not be made, or another keeper holds it.
pub(crate) fn lock(dir: &Path) -> Result<OwnedFd> {
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("can not make {}", path.display()))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("another keeper holds {}", path.display()))?;
    Ok(file.into())
}
