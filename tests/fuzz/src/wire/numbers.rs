//! Durations, sizes and decimal numbers as people write them.

use nomad_proto::cty::Value;
use nomad_proto::duration;
use oci_builder::parse_size;

use crate::target::Target;

pub(crate) const NUMBERS: Target = Target {
    name: "numbers",
    run: numbers,
    seeds: || {
        let texts = [
            "1h30m",
            "1.5g",
            "500ms",
            "64MiB",
            "-1.5e3",
            "18446744073709551615",
            "0.1",
            "9223372036854775807",
        ];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    },
    longest: 640,
};

/// What is read stays below the limits of what it is for, and numbers read back as the same.
fn numbers(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let duration = duration::parse(text);
    if let Ok(duration) = duration {
        assert!(i64::try_from(duration.as_nanos()).is_ok());
        assert_eq!(duration::parse(&format!("{}ns", duration.as_nanos())), Ok(duration));
    }
    let size = parse_size(text);
    if let Ok(size) = size {
        assert!(i64::try_from(size).is_ok());
        assert_eq!(parse_size(&size.to_string()), Ok(size));
    }
    let number = Value::from_decimal(text);
    if let Some(number) = &number {
        let written = match number {
            Value::Int(value) => value.to_string(),
            Value::Float(value) => format!("{value:?}"),
            Value::Decimal(text) => text.clone(),
            other => panic!("{other:?} is no number"),
        };
        // A float whose shortest form is not exact reads as a decimal.
        match (Value::from_decimal(&written), number) {
            (Some(Value::Decimal(_)), Value::Float(_)) => {}
            (again, _) => assert_eq!(again.as_ref(), Some(number), "{written}"),
        }
        let _none = (number.as_i64(), number.as_f64().unwrap());
    }
    duration.is_ok() || size.is_ok() || number.is_some()
}
