//! Events of the wire into hints.

use containerd_client::events::TaskOom;
use containerd_client::types::Envelope;
use driver_core::request::ids::ContainerId;
use prost::Message;

/// Topic of a process killed for lack of memory.
pub(super) const OOM: &str = "/tasks/oom";

/// The container that an event says lacks memory: none for other topics and for what cannot be read.
pub(super) fn hint(envelope: &Envelope) -> Option<ContainerId> {
    let bytes = envelope.event.as_ref()?.value.as_slice();
    let oom = (envelope.topic == OOM).then(|| TaskOom::decode(bytes).ok()).flatten()?;
    Some(ContainerId::existing(oom.container_id))
}

#[cfg(test)]
mod tests {
    use prost_types::Any;

    use super::*;

    fn envelope(topic: &str, event: &impl Message) -> Envelope {
        let event = Any { type_url: String::new(), value: event.encode_to_vec() };
        Envelope { topic: topic.into(), event: Some(event), ..Envelope::default() }
    }

    #[test]
    fn lack_of_memory_is_a_hint() {
        let oom = envelope(OOM, &TaskOom { container_id: "redis".into() });
        assert_eq!(hint(&oom), Some(ContainerId::existing("redis")));
    }

    #[test]
    fn other_topics_and_torn_events_are_none() {
        assert_eq!(hint(&envelope("/images/create", &())), None);
        let torn = Any { type_url: String::new(), value: vec![0xff] };
        assert_eq!(hint(&Envelope { topic: OOM.into(), event: Some(torn), ..Envelope::default() }), None);
    }
}
