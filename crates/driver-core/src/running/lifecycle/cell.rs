//! The machine where its task's start, monitor, stop and destruction meet.

use tokio::sync::watch;

use super::{Answer, Event, Life, Stage};
use crate::running::exit::TaskExit;

/// A life that several act on. Every event is taken whole; nothing is held across an await.
#[derive(Debug)]
pub(crate) struct LifeCell(watch::Sender<Life>);

impl LifeCell {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Life::requested()))
    }

    /// Takes an event and gives what is to be done.
    pub(crate) fn on(&self, event: Event) -> Answer {
        let mut answer = None;
        self.0.send_if_modified(|life| {
            let before = life.clone();
            answer = Some(life.on(event));
            *life != before
        });
        answer.unwrap_or(Err(super::Denial::OutOfOrder))
    }

    pub(crate) fn stage(&self) -> Stage {
        self.0.borrow().stage().clone()
    }

    /// Returns the confirmed end, once there is one. Pending for ever in a life whose start failed.
    pub(crate) async fn ended(&self) -> TaskExit {
        let mut life = self.0.subscribe();
        loop {
            if let Some(exit) = life.borrow_and_update().exit() {
                return exit.clone();
            }
            if life.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
