//! The watcher: one background task that keeps an event subscription, and by it knows whether the daemon is there.

use driver_core::ports::{Connection, ContainerEvent};
use tokio::sync::{broadcast, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::daemon::Daemon;

mod decode;
mod socket;
mod subscription;

use crate::backoff::Backoff;
use socket::SocketWatch;
use subscription::Subscription;

/// Hints that may be kept for a slow receiver. One that falls further behind misses hints, not ends.
const KEPT_EVENTS: usize = 1024;

/// The running watcher; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    connection: watch::Receiver<Connection>,
    events: broadcast::Sender<ContainerEvent>,
    _task: AbortOnDropHandle<()>,
}

impl Watcher {
    /// Starts to watch.
    pub(crate) fn start(daemon: Daemon) -> Self {
        let (state, connection) = watch::channel(Connection::Unknown);
        let (events, _) = broadcast::channel(KEPT_EVENTS);
        let task = tokio::spawn(keep_watching(daemon, state, events.clone()));
        Self { connection, events, _task: AbortOnDropHandle::new(task) }
    }

    /// The state of the connection.
    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    /// Hints from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<ContainerEvent> {
        self.events.subscribe()
    }
}

async fn keep_watching(
    daemon: Daemon,
    state: watch::Sender<Connection>,
    events: broadcast::Sender<ContainerEvent>,
) {
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
                        // Nobody listening is no failure.
                        Ok(event) => drop(events.send(event)),
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
