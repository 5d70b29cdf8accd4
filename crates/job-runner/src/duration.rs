//! Durations as Go writes them (`"1h30m"`, `"500ms"`), the form that Nomad uses everywhere.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing to read.
    #[error("a duration is empty")]
    Empty,
    /// Durations of this project count forward only.
    #[error("a duration cannot be negative")]
    Negative,
    /// A place where a number was expected.
    #[error("`{0}` does not start with a number")]
    Number(String),
    /// A number without one of the known units.
    #[error("`{0}` is not one of the units ns, us, ms, s, m, h")]
    Unit(String),
    /// More than 2^63 nanoseconds, the limit of Go's durations.
    #[error("longer than 290 years")]
    TooLong,
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
];

/// Reads a duration in the form of Go's `time.ParseDuration`, negative values excepted.
///
/// # Errors
/// The first part of the text that is not a number followed by a unit.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = one_part(rest)?;
        total = total.saturating_add(nanoseconds);
        rest = after;
    }
    match i64::try_from(total) {
        Ok(total) => Ok(Duration::from_nanos(total.unsigned_abs())),
        Err(_) => Err(DurationError::TooLong),
    }
}

fn one_part(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, after_whole) = digits(text);
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_point) => digits(after_point),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Number(text.to_owned()));
    }
    let end = after_number.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after_number.len());
    let (unit_text, rest) = after_number.split_at(end);
    let unit = UNITS
        .iter()
        .find(|(name, _)| *name == unit_text)
        .map(|(_, nanoseconds)| u128::from(*nanoseconds))
        .ok_or_else(|| DurationError::Unit(unit_text.to_owned()))?;
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::TooLong)? };
    let mut total = whole.checked_mul(unit).ok_or(DurationError::TooLong)?;
    let mut scale = unit;
    for digit in fraction.bytes() {
        total += u128::from(digit - b'0') * scale / 10;
        scale /= 10;
    }
    Ok((total, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Writes a duration for people: the two largest units, none smaller than a millisecond.
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}.{} s", (milliseconds % 1000) / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_gos_documentation_are_read() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5m", 90_000),
            (".5s", 500),
            ("0", 0),
            ("+2s", 2_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn a_duration_without_a_unit_or_a_number_is_refused() {
        assert_eq!(parse_duration("5"), Err(DurationError::Unit(String::new())));
        assert_eq!(parse_duration("5 s"), Err(DurationError::Unit(" s".into())));
        assert_eq!(parse_duration("s"), Err(DurationError::Number("s".into())));
        assert_eq!(parse_duration("-5s"), Err(DurationError::Negative));
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
        assert_eq!(parse_duration("9999999999h"), Err(DurationError::TooLong));
    }

    #[test]
    fn a_duration_is_shown_with_its_two_largest_units() {
        assert_eq!(show_duration(Duration::from_millis(84)), "84 ms");
        assert_eq!(show_duration(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(show_duration(Duration::from_secs(90)), "1 min 30 s");
        assert_eq!(show_duration(Duration::from_secs(7_260)), "2 h 1 min");
    }

    proptest! {
        #[test]
        fn whole_numbers_of_each_unit_keep_their_value(h in 0u64..1000, m in 0u64..100, s in 0u64..100, ms in 0u64..1000) {
            let text = format!("{h}h{m}m{s}s{ms}ms");
            let expected = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            prop_assert_eq!(parse_duration(&text), Ok(expected));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = parse_duration(&text);
        }
    }
}
