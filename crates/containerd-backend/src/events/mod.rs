//! The watcher: one background task that keeps an event subscription, and by it knows whether the daemon is there.

use driver_core::ports::Connection;
use driver_core::request::ids::ContainerId;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::grpc::daemon::Daemon;

mod decode;
mod hints;
mod socket;
mod subscription;

use crate::grpc::backoff::Backoff;
use hints::Hints;
use socket::SocketWatch;
use subscription::Subscription;

/// The running watcher; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    connection: watch::Receiver<Connection>,
    hints: Hints,
    _task: AbortOnDropHandle<()>,
}

impl Watcher {
    /// Starts to watch.
    pub(crate) fn start(daemon: Daemon) -> Self {
        let (state, connection) = watch::channel(Connection::Unknown);
        let hints = Hints::default();
        let task = tokio::spawn(keep_watching(daemon, state, hints.clone()));
        Self { connection, hints, _task: AbortOnDropHandle::new(task) }
    }

    /// The state of the connection.
    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    /// Hints of a lack of memory in the container, from now on.
    pub(crate) fn oom_hints(&self, id: &ContainerId) -> watch::Receiver<u64> {
        self.hints.of(id)
    }
}

async fn keep_watching(daemon: Daemon, state: watch::Sender<Connection>, hints: Hints) {
    let mut backoff = Backoff::default();
    loop {
        // Watched from before the attempt: a socket that appears during it is not missed.
        let socket = SocketWatch::new(daemon.address());
        let reason = match Subscription::open(&daemon).await {
            Ok(mut subscription) => {
                backoff = Backoff::default();
                state.send_replace(Connection::Up);
                loop {
                    match subscription.next().await {
                        Ok(container) => hints.send(&container),
                        Err(reason) => break reason,
                    }
                }
            }
            Err(reason) => reason,
        };
        tracing::debug!(reason, "no event stream of containerd");
        state.send_replace(Connection::Down(reason));
        tokio::select! {
            () = socket.appears() => {}
            () = tokio::time::sleep(backoff.next_delay()) => {}
        }
    }
}
