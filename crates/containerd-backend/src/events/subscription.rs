//! One event subscription, known to be live before it is given out.

use std::time::Duration;

use containerd_client::services::v1::{PublishRequest, SubscribeRequest};
use containerd_client::types::Envelope;
use driver_core::request::ids::ContainerId;
use prost_types::Any;
use tonic::Streaming;

use super::decode;
use crate::grpc::classify::{ErrorKind, classify};
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;

/// Topic of the events by which a subscription learns that it is live.
const CANARY: &str = "/containerd-driver/canary";
/// Time between two canaries.
const CANARY_PAUSE: Duration = Duration::from_millis(20);

/// A live stream of events.
#[derive(Debug)]
pub(super) struct Subscription {
    stream: Streaming<Envelope>,
}

impl Subscription {
    /// Subscribes, and returns when events arrive. containerd answers a subscription with its first event only, and
    /// tells nobody when it was registered: canaries are published until one comes back.
    pub(super) async fn open(daemon: &Daemon) -> Result<Self, String> {
        let opening = async {
            let mut events = daemon.events();
            let subscribing =
                events.subscribe(SubscribeRequest { filters: vec![filter(daemon.namespace())] });
            tokio::pin!(subscribing);
            loop {
                tokio::select! {
                    biased;
                    answer = &mut subscribing => break answer.map_err(|status| text(&classify(&status))),
                    published = send_canary(daemon) => published.map_err(|refused| text(&refused.kind))?,
                }
            }
        };
        match tokio::time::timeout(daemon.timeout(), opening).await {
            Ok(answer) => Ok(Self { stream: answer?.into_inner() }),
            Err(_) => Err(format!("no answer within {} s", daemon.timeout().as_secs_f32())),
        }
    }

    /// The container that the next hint is about; an error is the end of the stream.
    pub(super) async fn next(&mut self) -> Result<ContainerId, String> {
        loop {
            match self.stream.message().await {
                Ok(Some(envelope)) => {
                    if let Some(container) = decode::hint(&envelope) {
                        return Ok(container);
                    }
                }
                Ok(None) => return Err("the daemon ended the event stream".to_owned()),
                Err(status) => return Err(text(&classify(&status))),
            }
        }
    }
}

async fn send_canary(daemon: &Daemon) -> Result<(), RpcError> {
    let event = Any { type_url: "google.protobuf.Empty".to_owned(), value: Vec::new() };
    let request = PublishRequest { topic: CANARY.to_owned(), event: Some(event) };
    let mut events = daemon.events();
    daemon.call("publish an event", CANARY, events.publish(request)).await?;
    // The canary is on its way, or was published before the subscription was registered; nothing tells which.
    tokio::time::sleep(CANARY_PAUSE).await;
    Ok(())
}

/// Lacks of memory in the namespace, and canaries. Conditions in one filter must all hold.
fn filter(namespace: &str) -> String {
    format!("topic~=\"^({}|{CANARY})$\",namespace==\"{namespace}\"", decode::OOM)
}

/// The reason to show: what the transport said.
fn text(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Lost(reason) | ErrorKind::GaveUp(reason) | ErrorKind::Failed(reason) => reason.clone(),
        ErrorKind::TimedOut(limit) => format!("no answer within {} s", limit.as_secs_f32()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_filter_names_topics_and_namespace() {
        expect![[r#"topic~="^(/tasks/oom|/containerd-driver/canary)$",namespace=="nomad.slice""#]]
            .assert_eq(&filter("nomad.slice"));
    }
}
