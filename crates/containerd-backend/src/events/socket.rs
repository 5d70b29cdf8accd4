//! Notice of the daemon's socket being made, so that a restarted daemon is found at once.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

/// A watch on the directory of a socket. Where none can be had (the directory is missing, the host's watches are
/// used up) it never fires: the caller's growing delay is then what finds the daemon.
#[derive(Debug)]
pub(crate) struct SocketWatch {
    descriptor: Option<AsyncFd<OwnedFd>>,
    name: OsString,
}

impl SocketWatch {
    /// Watches from now on.
    pub(crate) fn new(socket: &Path) -> Self {
        Self { descriptor: watch(socket).ok(), name: socket.file_name().unwrap_or_default().to_owned() }
    }

    /// Completes when the socket was made since the watch began.
    pub(crate) async fn appears(&self) {
        if let Some(descriptor) = &self.descriptor {
            while let Ok(mut ready) = descriptor.readable().await {
                if self.was_made(descriptor.get_ref()) {
                    return;
                }
                ready.clear_ready();
            }
        }
        std::future::pending().await
    }

    /// Reads all that happened so far.
    fn was_made(&self, descriptor: &OwnedFd) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(descriptor, &mut buffer);
        let mut made = false;
        // It ends with EAGAIN, when nothing more has happened.
        while let Ok(event) = reader.next() {
            made |= event.file_name().is_some_and(|name| name.to_bytes() == self.name.as_bytes());
        }
        made
    }
}

#[expect(
    deprecated,
    reason = "its successor wants a promise from the caller, which an owned descriptor keeps by itself"
)]
fn watch(socket: &Path) -> std::io::Result<AsyncFd<OwnedFd>> {
    let directory = socket.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    inotify::add_watch(
        &descriptor,
        directory,
        WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR,
    )?;
    AsyncFd::new(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_noticed_and_other_files_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("containerd.sock");
        let watch = SocketWatch::new(&socket);
        std::fs::write(directory.path().join("other"), "").unwrap();
        assert!(!watch.was_made(watch.descriptor.as_ref().unwrap().get_ref()));
        std::fs::write(&socket, "").unwrap();
        watch.appears().await;
    }

    #[tokio::test]
    async fn a_directory_that_is_missing_never_fires() {
        let directory = tempfile::tempdir().unwrap();
        let watch = SocketWatch::new(&directory.path().join("gone/containerd.sock"));
        let fired = futures::poll!(std::pin::pin!(watch.appears()));
        assert!(fired.is_pending());
    }
}
