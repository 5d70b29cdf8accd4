//! Timestamps of the wire.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

/// A moment of the wire; one that is not set, or out of range, reads as now, the only bound that is known.
pub(crate) fn from_wire(timestamp: Option<Timestamp>) -> SystemTime {
    let moment = timestamp.and_then(|timestamp| SystemTime::try_from(timestamp).ok());
    moment.unwrap_or_else(SystemTime::now)
}

/// A moment from now in RFC 3339, as containerd's `containerd.io/gc.expire` label wants it (seconds, UTC).
pub(crate) fn expiry(after: Duration) -> String {
    rfc3339(SystemTime::now() + after)
}

fn rfc3339(moment: SystemTime) -> String {
    let mut timestamp = Timestamp::from(moment);
    timestamp.nanos = 0;
    timestamp.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_whole_seconds_of_utc() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        assert_eq!(rfc3339(moment), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn a_moment_of_the_wire_keeps_its_nanoseconds() {
        let read = from_wire(Some(Timestamp { seconds: 5, nanos: 7 }));
        assert_eq!(read, SystemTime::UNIX_EPOCH + Duration::new(5, 7));
    }
}
