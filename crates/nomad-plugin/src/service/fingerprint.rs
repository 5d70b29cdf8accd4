//! The fingerprint stream: one message at once, then one for each change and every 30 seconds, for ever.

use std::future;
use std::time::Duration;

use driver_core::Fingerprint;
use futures::stream::{self, StreamExt};
use nomad_proto::pb::driver as pb;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::goplugin::Answers;
use crate::to_wire;

/// How often an unchanged fingerprint is repeated; Nomad's own drivers use the same.
const PERIOD: Duration = Duration::from_secs(30);

/// How long the first message may wait for the first look at the daemon, so that a node does not report an
/// undetected driver for the moment between its start and that look. Clients wait 50 seconds.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// The stream of a watched fingerprint. A stream that ended would be opened again at once, over and over.
pub(super) fn stream(watched: watch::Receiver<Fingerprint>) -> Answers<pb::FingerprintResponse> {
    stream::unfold((watched, true), |(mut watched, first)| async move {
        let look = async {
            if first {
                return watched.wait_for(|found| *found != Fingerprint::unconfigured()).await.map(drop);
            }
            watched.changed().await
        };
        let patience = if first { FIRST_LOOK } else { PERIOD };
        if let Ok(Err(_driver_is_gone)) = timeout(patience, look).await
            && !first
        {
            future::pending::<()>().await;
        }
        let found = to_wire::fingerprint(&watched.borrow_and_update());
        Some((Ok(found), (watched, false)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use driver_core::Health;
    use futures::FutureExt;

    use super::*;

    fn healthy(description: &str) -> Fingerprint {
        let description = description.to_owned();
        Fingerprint { health: Health::Healthy, description, ..Fingerprint::default() }
    }

    async fn next(stream: &mut Answers<pb::FingerprintResponse>) -> String {
        stream.next().await.unwrap().unwrap().health_description
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_message_comes_at_once_and_changes_follow() {
        let (sender, receiver) = watch::channel(healthy("a"));
        let mut stream = stream(receiver);
        assert_eq!(stream.next().now_or_never().unwrap().unwrap().unwrap().health_description, "a");
        sender.send_replace(healthy("b"));
        assert_eq!(next(&mut stream).await, "b");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unchanged_fingerprint_is_repeated() {
        let (_sender, receiver) = watch::channel(healthy("a"));
        let mut stream = stream(receiver);
        next(&mut stream).await;
        let before = tokio::time::Instant::now();
        assert_eq!(next(&mut stream).await, "a");
        assert_eq!(before.elapsed(), PERIOD);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_look_is_waited_for_but_not_for_long() {
        let (sender, receiver) = watch::channel(Fingerprint::unconfigured());
        let mut late = stream(receiver.clone());
        let before = tokio::time::Instant::now();
        assert_eq!(next(&mut late).await, Fingerprint::unconfigured().description);
        assert_eq!(before.elapsed(), FIRST_LOOK);
        let mut soon = stream(receiver);
        let (first, _) = tokio::join!(next(&mut soon), async { sender.send_replace(healthy("seen")) });
        assert_eq!(first, "seen");
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_never_ends() {
        let (sender, receiver) = watch::channel(healthy("a"));
        let mut stream = stream(receiver);
        next(&mut stream).await;
        drop(sender);
        assert!(timeout(Duration::from_secs(3600), stream.next()).await.is_err());
    }
}
