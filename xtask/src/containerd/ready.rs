//! Waits until a daemon answers on its socket: events of its directory, never a guess about time.

use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::process;

/// How long a daemon may take; loaded machines included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the socket takes connections.
///
/// containerd changes the mode and owner of its socket after it listens, so the last event of the
/// directory comes when a connection succeeds.
///
/// # Errors
/// The daemon ends before, or the time is over.
pub(crate) fn wait(socket: &Path, daemon: &mut Child) -> Result<()> {
    let dir = socket.parent().context("the socket has no directory")?;
    let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
        .context("can not watch a directory")?;
    let kinds = inotify::WatchFlags::CREATE | inotify::WatchFlags::ATTRIB | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&events, dir, kinds).with_context(|| format!("can not watch {}", dir.display()))?;
    let pid = Pid::from_child(daemon);
    let end = pidfd_open(pid, PidfdFlags::empty()).context("can not watch containerd")?;
    let deadline = Instant::now() + PATIENCE;
    while UnixStream::connect(socket).is_err() {
        let mut fds = [PollFd::new(&events, PollFlags::IN), PollFd::new(&end, PollFlags::IN)];
        if !process::wait_any(&mut fds, deadline) {
            bail!("containerd did not answer on {} within {PATIENCE:?}", socket.display());
        }
        if !fds[1].revents().is_empty() {
            let status = daemon.wait().context("can not wait for containerd")?;
            bail!("containerd ended with {} before it was ready", process::ending(status));
        }
        drain(&events);
    }
    Ok(())
}

fn drain(events: &impl std::os::fd::AsFd) {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    while reader.next().is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;
    use std::process::{Command, Stdio};

    #[test]
    fn a_daemon_that_ends_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = Command::new("sh").args(["-c", "exit 5"]).spawn().unwrap();
        let failed = wait(&dir.path().join("none"), &mut daemon).unwrap_err();
        assert_eq!(failed.to_string(), "containerd ended with exit code 5 before it was ready");
    }

    #[test]
    fn a_socket_that_comes_later_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let mut daemon = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                let listener = UnixListener::bind(&socket).unwrap();
                std::fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
                listener
            });
            // The watched directory tells of the socket, or it is there already: both must do.
            wait(&socket, &mut daemon).unwrap();
            drop(made.join());
        });
        drop(daemon.stdin.take());
        daemon.wait().unwrap();
    }
}
