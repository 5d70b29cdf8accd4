//! Encoding as clients do it.

use rmpv::Value as Raw;

use super::Value;

/// Why a value could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The writer failed: the value is larger than msgpack's length fields.
    #[error("the configuration cannot be written as msgpack")]
    Write(#[source] rmpv::encode::Error),
}

/// Encodes one value. Map keys are written in sorted order, so that equal values give equal bytes.
///
/// # Errors
/// [`EncodeError`] when a part of the value is larger than the form allows.
pub fn encode(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &convert(value)).map_err(EncodeError::Write)?;
    Ok(bytes)
}

fn convert(value: &Value) -> Raw {
    match value {
        Value::Nil => Raw::Nil,
        Value::Bool(value) => Raw::from(*value),
        Value::Int(value) => Raw::from(*value),
        Value::Float(value) => Raw::from(*value),
        Value::Decimal(text) | Value::String(text) => Raw::from(text.as_str()),
        Value::Bytes(bytes) => Raw::from(bytes.as_slice()),
        Value::List(items) => Raw::Array(items.iter().map(convert).collect()),
        Value::Map(entries) => {
            Raw::Map(entries.iter().map(|(key, value)| (Raw::from(key.as_str()), convert(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(value: impl Into<Value>) -> String {
        encode(&value.into()).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn integers_are_compact() {
        let encoded = [0_i64, 127, 128, 65_536, -1, -33, i64::MAX, i64::MIN].map(hex);
        expect_test::expect![[r#"
            [
                "00",
                "7f",
                "cc80",
                "ce00010000",
                "ff",
                "d0df",
                "cf7fffffffffffffff",
                "d38000000000000000",
            ]
        "#]]
        .assert_debug_eq(&encoded);
    }

    #[test]
    fn text_and_inexact_numbers_are_in_the_string_family() {
        assert_eq!(hex("ab"), "a26162");
        assert_eq!(hex("a".repeat(32)), format!("d920{}", "61".repeat(32)));
        assert_eq!(hex(Value::from_float(0.1)), "a3302e31");
        assert_eq!(hex(Value::from_float(0.5)), "cb3fe0000000000000");
    }

    #[test]
    fn maps_are_written_in_the_order_of_their_keys() {
        assert_eq!(hex([("b", Value::Nil), ("a", Value::Bool(true))]), "82a161c3a162c0");
    }
}
