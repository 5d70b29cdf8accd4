//! Timestamps in the one form that hosts parse: six fraction digits, UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999, after which the form has no room: 253,402,300,799 s.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// `YYYY-MM-DDTHH:MM:SS.ffffffZ`; times before 1970 and after 9999 are shown as the first and the last moment.
pub(super) fn format(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
    humantime::format_rfc3339_micros(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_shown_exactly() {
        let at =
            |secs, micros| format(UNIX_EPOCH + Duration::from_secs(secs) + Duration::from_micros(micros));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_400, 7), "2000-02-29T00:00:00.000007Z");
        assert_eq!(at(951_868_799, 999_999), "2000-02-29T23:59:59.999999Z");
        assert_eq!(at(1_709_210_096, 123_456), "2024-02-29T12:34:56.123456Z");
        assert_eq!(at(4_107_542_399, 0), "2100-02-28T23:59:59.000000Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }

    #[test]
    fn a_clock_that_is_far_off_has_a_time() {
        assert_eq!(format(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(format(UNIX_EPOCH + Duration::from_secs(1 << 40)), "9999-12-31T23:59:59.000000Z");
    }
}
