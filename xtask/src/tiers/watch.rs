//! Ends tests that hang.

use std::sync::mpsc;
use std::time::Instant;

use rustix::process::Signal;

use crate::process;

/// Ends the processes beneath this one when the time is over.
pub(crate) struct Watch {
    stop: mpsc::Sender<()>,
    ended: std::thread::JoinHandle<bool>,
}

impl Watch {
    /// Ends them at the deadline.
    pub(crate) fn until(deadline: Instant) -> Self {
        let (stop, stopped) = mpsc::channel();
        let before = children();
        let ended = std::thread::spawn(move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(left) != Err(mpsc::RecvTimeoutError::Timeout) {
                return false;
            }
            // Those that ran before, a containerd's keeper for instance, are not the tests'.
            for pid in children().into_iter().filter(|pid| !before.contains(pid)) {
                let _ = process::end(pid, Signal::KILL, std::time::Duration::ZERO);
            }
            true
        });
        Self { stop, ended }
    }

    /// Whether it had to end something.
    pub(crate) fn stop(self) -> bool {
        let _ = self.stop.send(());
        self.ended.join().unwrap_or(false)
    }
}

fn children() -> Vec<i32> {
    process::beneath(i32::try_from(std::process::id()).unwrap_or(0), &process::all())
}
