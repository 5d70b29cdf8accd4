//! Which kind of value holds a decimal number exactly, and the ways back.

use super::Value;

/// Digits and exponent beyond this are no number that a configuration means.
const MAX_TEXT: usize = 512;

/// A float without fraction as an integer, if it lies within 64 bits.
pub(super) fn float_to_int(value: f64) -> Option<i64> {
    if value.fract() != 0.0 || !value.is_finite() {
        return None;
    }
    format!("{value:.0}").parse().ok()
}

/// An integer as the nearest float.
#[expect(clippy::cast_precision_loss, reason = "the caller asked for the nearest float")]
pub(super) fn int_to_float(value: i64) -> f64 {
    value as f64
}

/// The whole number that decimal text stands for.
pub(super) fn text_to_int(text: &str) -> Option<i64> {
    match parse(text)? {
        Value::Int(value) => Some(value),
        _ => None,
    }
}

/// The number that decimal text stands for, rounded to a float.
pub(super) fn text_to_float(text: &str) -> Option<f64> {
    is_decimal(text).then(|| text.parse().ok()).flatten()
}

/// Decimal text as the shortest kind that holds it exactly.
pub(super) fn parse(text: &str) -> Option<Value> {
    if !is_decimal(text) {
        return None;
    }
    if let Ok(value) = text.parse() {
        return Some(Value::Int(value));
    }
    let float: f64 = text.parse().ok()?;
    let canonical = plain(text).filter(|digits| digits.len() <= MAX_TEXT)?;
    if float.is_finite() && plain(&exact(float))? == canonical {
        return Some(float_to_int(float).map_or(Value::Float(float), Value::Int));
    }
    Some(match canonical.parse() {
        Ok(value) => Value::Int(value),
        Err(_) => Value::Decimal(canonical),
    })
}

/// The float's shortest decimal as the kind that holds that decimal exactly.
pub(super) fn from_float(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Float(value);
    }
    parse(&format!("{value:?}")).unwrap_or(Value::Float(value))
}

/// Every digit of the float.
fn exact(value: f64) -> String {
    format!("{value:.1074}")
}

/// Whether the text is `[sign] digits [. digits] [e exponent]`, and of sane length.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_TEXT
        && digits(whole)
        && digits(fraction)
        && digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
}

/// The number without exponent, leading zeros or trailing zeros of a fraction.
///
/// `None` when the exponent would make the text unreasonably long.
fn plain(text: &str) -> Option<String> {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok().filter(|value: &i32| value.unsigned_abs() < 1000)?;
    let mut digits = format!("{whole}{fraction}");
    let mut point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if point <= 0 {
        digits.insert_str(0, &"0".repeat(usize::try_from(1 - point).ok()?));
        point = 1;
    }
    let point = usize::try_from(point).ok()?;
    if digits.len() < point {
        digits.push_str(&"0".repeat(point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = fraction.trim_end_matches('0');
    let zero = whole == "0" && fraction.is_empty();
    let sign = if negative && !zero { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_takes_the_kind_that_holds_it_exactly() {
        let decimal = |text: &str| Value::Decimal(text.to_owned());
        assert_eq!(parse("12"), Some(Value::Int(12)));
        assert_eq!(parse("-3.0"), Some(Value::Int(-3)));
        assert_eq!(parse("1e3"), Some(Value::Int(1000)));
        assert_eq!(parse("0.5"), Some(Value::Float(0.5)));
        assert_eq!(parse("0.1"), Some(decimal("0.1")));
        assert_eq!(parse("1e-3"), Some(decimal("0.001")));
        assert_eq!(parse("-012.50"), Some(Value::Float(-12.5)));
        assert_eq!(parse("9223372036854775807"), Some(Value::Int(i64::MAX)));
        assert_eq!(parse("9223372036854775807.0"), Some(Value::Int(i64::MAX)));
        assert_eq!(parse("9223372036854775808"), Some(Value::Float(9_223_372_036_854_775_808.0)));
        assert_eq!(parse("18446744073709551615"), Some(decimal("18446744073709551615")));
    }

    #[test]
    fn text_that_is_no_decimal_number_is_refused() {
        for text in ["", "-", "1.", ".5", "1e", "inf", "NaN", "0x10", "1_000", " 1", "1 ", "1e9999999"] {
            assert_eq!(parse(text), None, "{text:?}");
            assert_eq!(text_to_int(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_decimal_is_no_longer_than_what_is_read_again() {
        let digits = "1".to_owned() + &"0".repeat(511);
        assert_eq!(parse("1e511"), Some(Value::Decimal(digits.clone())));
        assert_eq!(parse(&digits), Some(Value::Decimal(digits)));
        assert_eq!(parse("1e512"), None);
    }

    #[test]
    fn a_float_stands_for_its_shortest_decimal() {
        assert_eq!(from_float(2.0), Value::Int(2));
        assert_eq!(from_float(0.25), Value::Float(0.25));
        assert_eq!(from_float(0.1), Value::Decimal("0.1".to_owned()));
        assert_eq!(from_float(-0.0), Value::Int(0));
        assert_eq!(from_float(f64::INFINITY), Value::Float(f64::INFINITY));
    }

    proptest! {
        #[test]
        fn every_integer_survives_its_text(value: i64) {
            prop_assert_eq!(parse(&value.to_string()), Some(Value::Int(value)));
            prop_assert_eq!(parse(&format!("{value}.000")), Some(Value::Int(value)));
        }

        #[test]
        fn every_float_reads_back_from_what_it_became(value in proptest::num::f64::NORMAL) {
            prop_assert_eq!(from_float(value).as_f64(), Some(value));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-+.e0-9]{0,12}") {
            let _ = parse(&text);
        }
    }
}
