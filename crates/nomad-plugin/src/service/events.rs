//! The stream of task events: silent while nothing happens, and without end.

use std::future;

use driver_core::TaskEvent;
use futures::stream::{self, StreamExt};
use nomad_proto::pb::driver as pb;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::goplugin::Answers;
use crate::to_wire;

/// The stream of all events from now on. A client that reads too slowly misses the oldest.
pub(super) fn stream(events: Receiver<TaskEvent>) -> Answers<pb::DriverTaskEvent> {
    stream::unfold(events, |mut events| async move {
        loop {
            match events.recv().await {
                Ok(event) => return Some((Ok(to_wire::event(event)), events)),
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "the client missed task events"),
                Err(RecvError::Closed) => future::pending::<()>().await,
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use driver_core::request::ids::TaskId;
    use tokio::sync::broadcast;
    use tokio::time::timeout;

    use super::*;

    fn event(message: &str) -> TaskEvent {
        TaskEvent {
            task_id: TaskId::new("id"),
            alloc_id: "a".into(),
            task: "web".into(),
            at: SystemTime::UNIX_EPOCH,
            message: message.to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_pass_on_after_some_were_missed_and_the_stream_never_ends() {
        let (sender, receiver) = broadcast::channel(2);
        let mut stream = stream(receiver);
        for message in ["one", "two", "three"] {
            sender.send(event(message)).unwrap();
        }
        assert_eq!(stream.next().await.unwrap().unwrap().message, "two");
        assert_eq!(stream.next().await.unwrap().unwrap().message, "three");
        drop(sender);
        assert!(timeout(Duration::from_secs(3600), stream.next()).await.is_err());
    }
}
