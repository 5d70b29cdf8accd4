//! Shims that containerd has given up: still there, though their task is forgotten and their bundle removed.
//!
//! A caller that goes away in the middle of `Tasks.Create` or `Tasks.Delete`, as a driver that is killed does, cancels
//! the call, and containerd's clean-up can end between the removal of the bundle and the end of the shim (1.6). Nobody
//! asks such a shim for anything again; only a later task of the same id takes it up.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use linux_host::process::PidFd;

use crate::grpc::backoff::Backoff;
use crate::grpc::daemon::Daemon;

/// How long containerd may clean up by itself: twice its own limit (`io.containerd.timeout.shim.cleanup`).
const CLEANUP: Duration = Duration::from_secs(10);

/// A shim, held by a descriptor, so that its id can not come to mean another process.
struct Shim {
    process: PidFd,
    /// Its working directory is its bundle (containerd, runtime v2).
    has_bundle: bool,
}

/// What is left of the shims.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Orphans {
    /// Nothing.
    Gone,
    /// One is in containerd's hands, which takes it up again at its next start.
    Held,
}

/// Ends the shims of a task that containerd does not have. One that still has its bundle is in containerd's hands, which
/// is waited for.
pub(crate) async fn end(daemon: &Daemon, id: &str) -> Orphans {
    let (begin, mut backoff) = (Instant::now(), Backoff::default());
    loop {
        let (namespace, name) = (daemon.namespace().to_owned(), id.to_owned());
        let look = tokio::task::spawn_blocking(move || shims(Path::new("/proc"), &namespace, &name));
        let Ok(Ok(found)) = tokio::time::timeout(CLEANUP, look).await else {
            tracing::warn!(container = id, "the processes of this host can not be looked at");
            return Orphans::Gone;
        };
        let (held, forgotten): (Vec<_>, Vec<_>) = found.into_iter().partition(|shim| shim.has_bundle);
        forgotten.iter().for_each(|shim| kill(shim, id));
        if held.is_empty() {
            return Orphans::Gone;
        }
        if begin.elapsed() >= CLEANUP {
            return Orphans::Held;
        }
        // No event tells that containerd has cleaned up.
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

fn kill(shim: &Shim, id: &str) {
    let killed = shim.process.kill();
    tracing::warn!(
        container = id,
        pid = shim.process.pid(),
        ?killed,
        "a shim that containerd has forgotten is ended"
    );
}

fn shims(proc: &Path, namespace: &str, id: &str) -> Vec<Shim> {
    let entries = std::fs::read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| shim(&entry.path(), namespace, id)).collect()
}

/// The process behind a directory of /proc, if it is a shim of this container. What it is is read while it is held.
fn shim(directory: &Path, namespace: &str, id: &str) -> Option<Shim> {
    let pid: u32 = directory.file_name()?.to_str()?.parse().ok()?;
    is_shim_of(directory, namespace, id).then_some(())?;
    let process = PidFd::open(pid).ok()?;
    is_shim_of(directory, namespace, id).then_some(())?;
    let has_bundle = std::fs::metadata(directory.join("cwd")).map_or(true, |bundle| bundle.nlink() > 0);
    Some(Shim { process, has_bundle })
}

/// Whether the command line is that of a shim of this container (containerd, `runtime/v2/README.md`: flags). Only shims
/// are asked for theirs: the answer of a process whose memory is locked may never come (proc_pid_cmdline(5)).
fn is_shim_of(directory: &Path, namespace: &str, id: &str) -> bool {
    // Of a longer name the kernel keeps 15 bytes.
    let name = std::fs::read(directory.join("comm")).unwrap_or_default();
    if !name.starts_with(b"containerd-shim") {
        return false;
    }
    let line = std::fs::read(directory.join("cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let program = words.first().map(|word| PathBuf::from(std::ffi::OsStr::from_bytes(word)));
    let is_shim = program
        .as_deref()
        .and_then(Path::file_name)
        .is_some_and(|name| name.as_bytes().starts_with(b"containerd-shim"));
    let has = |flag: &[u8], value: &str| words.windows(2).any(|pair| pair == [flag, value.as_bytes()]);
    is_shim && has(b"-namespace", namespace) && has(b"-id", id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shim(words: &[&str]) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let name = Path::new(words.first().unwrap_or(&"")).file_name().unwrap_or_default().to_str().unwrap();
        std::fs::write(directory.path().join("comm"), &name[..name.len().min(15)]).unwrap();
        std::fs::write(directory.path().join("cmdline"), words.join("\0") + "\0").unwrap();
        is_shim_of(directory.path(), "nomad", "web-1")
    }

    #[test]
    fn a_shim_is_known_by_its_program_its_namespace_and_its_id() {
        let shim = "/usr/bin/containerd-shim-runc-v2";
        assert!(is_shim(&[shim, "-namespace", "nomad", "-id", "web-1", "-address", "/run/c.sock"]));
        assert!(is_shim(&["containerd-shim-kata-v2", "-namespace", "nomad", "-debug", "-id", "web-1"]));
        assert!(!is_shim(&[shim, "-namespace", "nomad", "-id", "web-10"]));
        assert!(!is_shim(&[shim, "-namespace", "k8s.io", "-id", "web-1"]));
        assert!(!is_shim(&["/usr/bin/ctr", "-namespace", "nomad", "-id", "web-1"]));
        assert!(!is_shim(&[shim, "-id", "nomad", "-namespace", "web-1"]));
        assert!(!is_shim(&[]));
    }
}
