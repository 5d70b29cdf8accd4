//! Durations as Go writes them: `5m`, `1h30m`, `500ms`.
//!
//! The grammar is that of Go's `time.ParseDuration`, without a sign.

use std::time::Duration;

/// Units and their nanoseconds; longer names first where one starts with another.
const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Most digits before the point; more are out of range with every unit.
const MAX_DIGITS: usize = 20;

/// Digits after the point that count; further ones are below a nanosecond with every unit.
const MAX_FRACTION: usize = 15;

/// Text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no duration; accepted are numbers with units, such as \"30s\", \"5m\", \"1h30m\" or \"500ms\""
)]
pub struct DurationError {
    /// The text.
    pub text: String,
}

/// Reads a duration. `0` needs no unit; what is below a nanosecond is dropped.
///
/// # Errors
/// [`DurationError`] for other text, negative durations, and more than Go's 292 years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    read(text).ok_or_else(|| DurationError { text: text.to_owned() })
}

fn read(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total: u128 = 0;
    loop {
        let whole = digits(&mut rest);
        let fraction = match rest.strip_prefix('.') {
            Some(after) => {
                rest = after;
                digits(&mut rest)
            }
            None => "",
        };
        if (whole.is_empty() && fraction.is_empty()) || whole.len() > MAX_DIGITS {
            return None;
        }
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        let unit = UNITS.iter().find(|(known, _)| *known == name)?.1;
        let fraction = &fraction[..fraction.len().min(MAX_FRACTION)];
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        total = total.checked_add(number(whole)? * unit + number(fraction)? * unit / scale)?;
        if rest.is_empty() {
            break;
        }
    }
    let nanos = i64::try_from(total).ok()?;
    Some(Duration::from_nanos(nanos.unsigned_abs()))
}

fn digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

fn number(digits: &str) -> Option<u128> {
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gos_forms_are_read() {
        let cases = [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500_000_000),
            ("5m", 300_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("+2s", 2_000_000_000),
            ("1h1m1s1ms1us1ns", 3_661_001_001_001),
            ("3µs", 3_000),
            ("3μs", 3_000),
            ("0.000000000001s", 0),
            ("1.00000000000000000000000000000001s", 1_000_000_000),
            ("2562047h47m16.854775807s", 9_223_372_036_854_775_807),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_and_negative_durations_are_refused() {
        let texts =
            ["", "5", "5 m", "m", ".", ".s", "5d", "-5m", "5m-", "1h 30m", "five", "5mm", "3000000h", "1e3s"];
        for text in texts {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_error_says_what_is_accepted() {
        expect_test::expect![[
            r#""5 min" is no duration; accepted are numbers with units, such as "30s", "5m", "1h30m" or "500ms""#
        ]]
        .assert_eq(&parse("5 min").unwrap_err().to_string());
    }

    proptest! {
        #[test]
        fn sums_of_units_are_exact(h in 0_u64..1000, m in 0_u64..1000, s in 0_u64..1000, ms in 0_u64..1000) {
            let expected = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            prop_assert_eq!(parse(&format!("{h}h{m}m{s}s{ms}ms")), Ok(expected));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-+.0-9a-zµ ]{0,30}") {
            let _ = parse(&text);
        }
    }
}
