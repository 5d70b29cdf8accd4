//! Sizes as jobs write them (`64m`, `1.5g`, `1048576`).

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// It does not read as a number with a unit.
    #[error("{text:?} is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)")]
    NotASize {
        /// The text.
        text: String,
    },
    /// It is more than a number of bytes can be.
    #[error("{text:?} is too large for a size (accepted: up to 9223372036854775807 bytes)")]
    TooLarge {
        /// The text.
        text: String,
    },
}

/// Reads a size in bytes: a decimal number, then `k`, `m`, `g`, `t` or `p` for powers of 1024 in any case, then
/// perhaps `b` or `ib`, as docker's command line does. A bare number is bytes; a part of a byte is cut off.
///
/// # Errors
/// [`SizeError`].
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let refused = || SizeError::NotASize { text: text.to_owned() };
    let too_large = || SizeError::TooLarge { text: text.to_owned() };
    let lower = text.to_ascii_lowercase();
    let number_len = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(number_len);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let shift = unit_shift(unit).ok_or_else(refused)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(refused());
    }
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let bytes = (u128::from(whole) << shift) + part_of(fraction, shift);
    u64::try_from(bytes).ok().filter(|&bytes| i64::try_from(bytes).is_ok()).ok_or_else(too_large)
}

/// The power of two that a unit stands for.
fn unit_shift(unit: &str) -> Option<u32> {
    if matches!(unit, "" | "b") {
        return Some(0);
    }
    let (letter, rest) = unit.split_at_checked(1)?;
    match letter {
        _ if !matches!(rest, "" | "b" | "ib") => None,
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        "t" => Some(40),
        "p" => Some(50),
        _ => None,
    }
}

/// The bytes of the digits behind the point; more than 18 of them are finer than a byte of any unit.
fn part_of(digits: &str, shift: u32) -> u128 {
    let (value, scale) = digits
        .bytes()
        .take(18)
        .fold((0_u128, 1_u128), |(value, scale), digit| (value * 10 + u128::from(digit - b'0'), scale * 10));
    (value << shift) / scale
}

/// The size of a tmpfs as its mount option, in KiB where that is exact.
pub(crate) fn tmpfs_option(bytes: u64) -> String {
    if bytes.is_multiple_of(1024) { format!("size={}k", bytes / 1024) } else { format!("size={bytes}") }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{SizeError, parse_size, tmpfs_option};

    #[test]
    fn every_spelling_of_a_size_is_read() {
        let table = [
            ("0", 0),
            ("1048576", 1 << 20),
            ("12b", 12),
            ("64m", 64 << 20),
            ("128M", 128 << 20),
            ("128MB", 128 << 20),
            ("128MiB", 128 << 20),
            ("1 g", 1 << 30),
            ("1.5g", 3 << 29),
            ("0.3k", 307),
            ("2t", 2 << 40),
            ("1p", 1 << 50),
            ("9223372036854775807", i64::MAX.unsigned_abs()),
        ];
        for (text, bytes) in table {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_is_accepted() {
        expect![[
            r#""64 megs" is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)"#
        ]]
        .assert_eq(&parse_size("64 megs").unwrap_err().to_string());
        expect![[
            r#""9223372036854775808" is too large for a size (accepted: up to 9223372036854775807 bytes)"#
        ]]
        .assert_eq(&parse_size("9223372036854775808").unwrap_err().to_string());
        for text in
            ["", "m", "-1", "+1", "1e3", "1..5g", ".5g", "1.g", "1  g", "1ib", "1bb", "1kbb", "0x10", "1é"]
        {
            assert_eq!(parse_size(text), Err(SizeError::NotASize { text: text.into() }), "{text:?}");
        }
        for text in ["8192p", "99999999999999999999999", "9223372036854775807k"] {
            assert_eq!(parse_size(text), Err(SizeError::TooLarge { text: text.into() }), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_whole_number_of_units_is_exact(number in 0..1_u64 << 12, unit in 0..6_usize, spelling in 0..4_usize) {
            let letter = ["", "k", "m", "g", "t", "p"][unit];
            let text = match spelling {
                0 => format!("{number}{letter}"),
                1 => format!("{number}{}", letter.to_uppercase()),
                2 => format!("{number} {letter}b"),
                _ => format!("{number}.0{letter}{}", if letter.is_empty() { "" } else { "iB" }),
            };
            prop_assert_eq!(parse_size(&text), Ok(number << (10 * unit)));
        }

        #[test]
        fn no_text_is_more_than_an_answer(text in "[0-9.]{0,30}[ kmgtpibKMGTPIB]{0,4}|\\PC{0,10}") {
            if let Ok(bytes) = parse_size(&text) {
                prop_assert!(i64::try_from(bytes).is_ok());
            }
        }

        #[test]
        fn a_tmpfs_option_is_the_same_size(bytes in 1..1_u64 << 50) {
            let option = tmpfs_option(bytes);
            prop_assert_eq!(parse_size(option.strip_prefix("size=").unwrap()), Ok(bytes));
        }
    }
}
