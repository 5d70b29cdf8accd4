//! Decoding with bounds: the bytes come from whoever may submit a job.

use rmpv::Value as Raw;
use rmpv::decode::read_value_with_max_depth;

use super::{Map, Value};

/// Longest configuration that is decoded, in bytes: what one gRPC message holds by default.
pub const MAX_LEN: usize = 4 * 1024 * 1024;

/// How deep lists and maps may nest.
pub const MAX_DEPTH: usize = 64;

/// cty's msgpack extension for a value that is not known yet, and its refined form.
const UNKNOWN: [i8; 2] = [0, 12];

/// Why bytes are not a configuration value.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// More than [`MAX_LEN`] bytes.
    #[error("the configuration has {len} bytes, more than {MAX_LEN}")]
    TooLong {
        /// The length found, in bytes.
        len: usize,
    },
    /// Lists and maps nest deeper than [`MAX_DEPTH`].
    #[error("the configuration nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The bytes end early or are not msgpack.
    #[error("the configuration is not msgpack")]
    Malformed(#[source] rmpv::decode::Error),
    /// Bytes follow the value.
    #[error("{len} bytes follow the configuration")]
    Trailing {
        /// How many.
        len: usize,
    },
    /// cty's mark for a value that is only known later; clients resolve all values before they send.
    #[error("the configuration holds a value that is not known yet")]
    Unknown,
    /// Another msgpack extension.
    #[error("the configuration holds a value of the unsupported msgpack extension {kind}")]
    Extension {
        /// The extension's number.
        kind: i8,
    },
    /// A map key that is not text.
    #[error("the configuration holds a map key that is not text")]
    Key,
}

/// Decodes one value; no bytes at all are [`Value::Nil`], as an agent sends them for a task that it
/// recovers after its own restart.
///
/// # Errors
/// [`DecodeError`] for anything but one whole value within the bounds.
pub fn decode(mut bytes: &[u8]) -> Result<Value, DecodeError> {
    if bytes.len() > MAX_LEN {
        return Err(DecodeError::TooLong { len: bytes.len() });
    }
    if bytes.is_empty() {
        return Ok(Value::Nil);
    }
    // The reader counts two levels for each list or map, and two for the value inside the last.
    let raw = read_value_with_max_depth(&mut bytes, 2 * MAX_DEPTH + 3).map_err(|error| match error {
        rmpv::decode::Error::DepthLimitExceeded => DecodeError::TooDeep,
        error => DecodeError::Malformed(error),
    })?;
    match bytes.len() {
        0 => convert(raw),
        len => Err(DecodeError::Trailing { len }),
    }
}

fn convert(raw: Raw) -> Result<Value, DecodeError> {
    Ok(match raw {
        Raw::Nil => Value::Nil,
        Raw::Boolean(value) => Value::Bool(value),
        Raw::Integer(value) => match value.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Decimal(value.to_string()),
        },
        Raw::F32(value) => Value::Float(value.into()),
        Raw::F64(value) => Value::Float(value),
        Raw::String(text) => match String::from_utf8(text.into_bytes()) {
            Ok(text) => Value::String(text),
            Err(error) => Value::Bytes(error.into_bytes()),
        },
        Raw::Binary(bytes) => Value::Bytes(bytes),
        Raw::Array(items) => Value::List(items.into_iter().map(convert).collect::<Result<_, _>>()?),
        Raw::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Ok((text(key)?, convert(value)?)));
            Value::Map(entries.collect::<Result<Map, _>>()?)
        }
        Raw::Ext(kind, _) if UNKNOWN.contains(&kind) => return Err(DecodeError::Unknown),
        Raw::Ext(kind, _) => return Err(DecodeError::Extension { kind }),
    })
}

fn text(key: Raw) -> Result<String, DecodeError> {
    let bytes = match key {
        Raw::String(text) => text.into_bytes(),
        Raw::Binary(bytes) => bytes,
        _ => return Err(DecodeError::Key),
    };
    String::from_utf8(bytes).map_err(|_| DecodeError::Key)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use proptest::prelude::*;

    use super::*;
    use crate::cty::encode;

    fn nested(levels: usize) -> Vec<u8> {
        let mut bytes = vec![0x91; levels];
        bytes.push(0xa1);
        bytes.push(b'x');
        bytes
    }

    #[test]
    fn no_bytes_are_nil() {
        assert_eq!(decode(&[]).unwrap(), Value::Nil);
    }

    #[test]
    fn every_family_is_read() {
        let raw = Raw::Map(vec![
            (Raw::from("text"), Raw::from("a")),
            (Raw::from("bytes"), Raw::from(&b"a"[..])),
            (Raw::Binary(b"key".to_vec()), Raw::from(-1)),
            (Raw::from("single"), Raw::F32(0.5)),
            (Raw::from("huge"), Raw::from(u64::MAX)),
            (Raw::from("list"), Raw::Array(vec![Raw::Nil, Raw::from(true)])),
        ]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &raw).unwrap();
        expect_test::expect![[r#"
            Map(
                {
                    "bytes": Bytes(
                        [
                            97,
                        ],
                    ),
                    "huge": Decimal(
                        "18446744073709551615",
                    ),
                    "key": Int(
                        -1,
                    ),
                    "list": List(
                        [
                            Nil,
                            Bool(
                                true,
                            ),
                        ],
                    ),
                    "single": Float(
                        0.5,
                    ),
                    "text": String(
                        "a",
                    ),
                },
            )
        "#]]
        .assert_debug_eq(&decode(&bytes).unwrap());
    }

    #[test]
    fn depth_is_bounded_exactly() {
        assert!(decode(&nested(MAX_DEPTH)).is_ok());
        assert!(matches!(decode(&nested(MAX_DEPTH + 1)), Err(DecodeError::TooDeep)));
        assert!(matches!(decode(&vec![0x91; 100_000]), Err(DecodeError::TooDeep)));
    }

    #[test]
    fn length_is_bounded_before_anything_is_read() {
        assert!(matches!(decode(&vec![0xc0; MAX_LEN + 1]), Err(DecodeError::TooLong { .. })));
    }

    #[test]
    fn what_is_not_one_whole_value_is_refused() {
        assert!(matches!(decode(&[0xc0, 0xc0]), Err(DecodeError::Trailing { len: 1 })));
        let error = decode(&[0xa5, b'a']).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed(_)));
        assert!(error.source().is_some());
        // A list that promises four thousand million elements costs nothing.
        assert!(matches!(decode(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn unknown_values_and_other_extensions_are_told_apart() {
        assert!(matches!(decode(&[0xd4, 0x00, 0x00]), Err(DecodeError::Unknown)));
        assert!(matches!(decode(&[0xc7, 0x01, 0x0c, 0x80]), Err(DecodeError::Unknown)));
        assert!(matches!(decode(&[0xd4, 0x05, 0x00]), Err(DecodeError::Extension { kind: 5 })));
    }

    #[test]
    fn keys_are_text() {
        assert!(matches!(decode(&[0x81, 0x01, 0x02]), Err(DecodeError::Key)));
        assert!(matches!(decode(&[0x81, 0xa1, 0xff, 0x02]), Err(DecodeError::Key)));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            proptest::num::f64::NORMAL.prop_map(Value::Float),
            ".{0,40}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
                prop::collection::btree_map("[a-z_]{1,8}", inner, 0..20).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(value in value()) {
            prop_assert_eq!(decode(&encode(&value).unwrap()).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
