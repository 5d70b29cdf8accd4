//! Ctrl-C and SIGTERM as wishes to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that mean "stop", each with its number.
const SIGNALS: [(SignalKind, i32); 3] =
    [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)];

/// Every signal since the program began to listen.
pub(super) struct Interrupts {
    pub(super) wishes: mpsc::UnboundedReceiver<()>,
    first: Arc<AtomicI32>,
}

impl Interrupts {
    /// Begins to listen.
    pub(super) fn listen() -> std::io::Result<Self> {
        let (sender, wishes) = mpsc::unbounded_channel();
        let first = Arc::new(AtomicI32::new(0));
        for (kind, number) in SIGNALS {
            tokio::spawn(forward(signal(kind)?, number, sender.clone(), first.clone()));
        }
        Ok(Self { wishes, first })
    }

    /// The number of the first signal that came; 0 for none.
    pub(super) fn first(&self) -> Arc<AtomicI32> {
        self.first.clone()
    }
}

async fn forward(mut signal: Signal, number: i32, sender: mpsc::UnboundedSender<()>, first: Arc<AtomicI32>) {
    while signal.recv().await.is_some() {
        // Only the first signal counts for the exit code.
        let _ = first.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        if sender.send(()).is_err() {
            return;
        }
    }
}
