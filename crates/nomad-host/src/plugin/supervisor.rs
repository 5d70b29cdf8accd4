//! The one owner of a plugin's process: it waits for the end and carries out kills.

use std::process::ExitStatus;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

/// What a process's owner is asked to do.
enum Order {
    Kill,
    Release,
}

/// How a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    Ended(ExitStatus),
    /// Its end cannot be noticed any more.
    Unknown,
}

impl Life {
    /// How the process ended, where that is known.
    pub(super) fn exit(self) -> Option<ExitStatus> {
        match self {
            Life::Ended(status) => Some(status),
            Life::Running | Life::Unknown => None,
        }
    }
}

/// Watches a process. When it is dropped the process is killed.
#[derive(Debug)]
pub(super) struct Supervisor {
    orders: mpsc::UnboundedSender<Order>,
    life: watch::Receiver<Life>,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Order::Kill => "Kill",
            Order::Release => "Release",
        })
    }
}

impl Supervisor {
    pub(super) fn new(child: Child) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (report, life) = watch::channel(Life::Running);
        tokio::spawn(supervise(child, inbox, report));
        Self { orders, life }
    }

    /// Sends SIGKILL; a process that has ended is left alone.
    pub(super) fn kill(&self) {
        let _ = self.orders.send(Order::Kill);
    }

    /// Lets the process live on without an owner.
    pub(super) fn release(&self) {
        let _ = self.orders.send(Order::Release);
    }

    pub(super) fn life(&self) -> Life {
        *self.life.borrow()
    }

    /// Returns when the process has ended.
    pub(super) async fn ended(&self) -> Life {
        let mut life = self.life.clone();
        match life.wait_for(|life| *life != Life::Running).await {
            Ok(life) => *life,
            Err(_) => Life::Unknown,
        }
    }
}

async fn supervise(mut child: Child, mut inbox: mpsc::UnboundedReceiver<Order>, report: watch::Sender<Life>) {
    loop {
        tokio::select! {
            status = child.wait() => {
                report.send_replace(status.map_or(Life::Unknown, Life::Ended));
                return;
            }
            order = inbox.recv() => match order {
                Some(Order::Release) => {
                    std::mem::forget(child);
                    report.send_replace(Life::Unknown);
                    return;
                }
                Some(Order::Kill) => { let _ = child.start_kill(); }
                None => {
                    let _ = child.kill().await;
                    return;
                }
            },
        }
    }
}
