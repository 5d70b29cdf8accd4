//! Events of the wire into hints.

use containerd_client::events::{TaskExit, TaskOom};
use containerd_client::types::Envelope;
use driver_core::ports::ContainerEvent;
use driver_core::request::ids::ContainerId;
use prost::Message;

/// Topic of a process's end.
pub(super) const EXIT: &str = "/tasks/exit";
/// Topic of a process killed for lack of memory.
pub(super) const OOM: &str = "/tasks/oom";

/// The hint in an event: none for the end of an exec, for other topics and for what can not be read.
pub(super) fn hint(envelope: &Envelope) -> Option<ContainerEvent> {
    let bytes = envelope.event.as_ref()?.value.as_slice();
    match envelope.topic.as_str() {
        EXIT => {
            let exit = TaskExit::decode(bytes).ok()?;
            (exit.id == exit.container_id)
                .then(|| ContainerEvent::Exit(ContainerId::existing(exit.container_id)))
        }
        OOM => {
            let oom = TaskOom::decode(bytes).ok()?;
            Some(ContainerEvent::Oom(ContainerId::existing(oom.container_id)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Any;

    use super::*;

    fn envelope(topic: &str, event: &impl Message) -> Envelope {
        let event = Any { type_url: String::new(), value: event.encode_to_vec() };
        Envelope { topic: topic.into(), event: Some(event), ..Envelope::default() }
    }

    fn exit(container: &str, process: &str) -> Envelope {
        envelope(
            EXIT,
            &TaskExit { container_id: container.into(), id: process.into(), ..TaskExit::default() },
        )
    }

    #[test]
    fn the_end_of_the_first_process_is_a_hint() {
        assert_eq!(hint(&exit("redis", "redis")), Some(ContainerEvent::Exit(ContainerId::existing("redis"))));
    }

    #[test]
    fn the_end_of_an_exec_is_none() {
        assert_eq!(hint(&exit("redis", "exec-1")), None);
    }

    #[test]
    fn lack_of_memory_is_a_hint() {
        let oom = envelope(OOM, &TaskOom { container_id: "redis".into() });
        assert_eq!(hint(&oom), Some(ContainerEvent::Oom(ContainerId::existing("redis"))));
    }

    #[test]
    fn other_topics_and_torn_events_are_none() {
        assert_eq!(hint(&envelope("/images/create", &())), None);
        let torn = Any { type_url: String::new(), value: vec![0xff] };
        assert_eq!(hint(&Envelope { topic: EXIT.into(), event: Some(torn), ..Envelope::default() }), None);
    }
}
