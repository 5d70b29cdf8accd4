//! Plugins that have outlived the host that started them, known by the directory of their sockets.

use linux_host::process::PidFd;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;

/// The time from SIGKILL to the end; only a process that hangs in the kernel needs it.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Ends whoever listens at a socket in the directory, with SIGKILL: nobody knows how such a plugin stands. Their
/// tasks live on.
pub(crate) async fn end_plugins_in(directory: &Path) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        if let Some(process) = listener(&entry.path()).await {
            let ended =
                tokio::task::spawn_blocking(move || process.kill().and_then(|()| process.wait(END_LIMIT)));
            // One that cannot be ended is as good as gone: the tasks are destroyed without it.
            let _ = ended.await;
        }
    }
}

/// The process that listens at a socket, if it is one and somebody does.
async fn listener(socket: &Path) -> Option<PidFd> {
    let stream = UnixStream::connect(socket).await.ok()?;
    let pid = stream.peer_cred().ok()?.pid()?;
    PidFd::open(u32::try_from(pid).ok()?).ok()
}
