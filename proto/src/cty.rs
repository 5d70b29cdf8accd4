//! Values of driver and plugin configuration, as clients encode them: cty's msgpack form.
//!
//! The form has no types of its own: a map of all keys of the schema, absent ones nil; integers
//! compact; fractions as float64, or as decimal text where binary floating point is not exact.
//! What an `any` attribute holds arrives bare.

mod decode;
mod encode;
mod number;

use std::collections::BTreeMap;

pub use decode::{DecodeError, MAX_DEPTH, MAX_LEN, decode};
pub use encode::{EncodeError, encode};

/// A map of configuration keys, sorted as clients send them.
pub type Map = BTreeMap<String, Value>;

/// One configuration value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Absent, or `null`.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number within 64 bits.
    Int(i64),
    /// Any other number that a float holds.
    Float(f64),
    /// A number that neither an integer nor a float holds exactly, in decimal digits.
    Decimal(String),
    /// Text.
    String(String),
    /// Bytes that are not text; clients make none, but the form allows them.
    Bytes(Vec<u8>),
    /// A list, set or tuple, or repeated blocks.
    List(Vec<Value>),
    /// A map or object, or one block.
    Map(Map),
}

impl Value {
    /// What kind of value this is, in words that fit after "found" in a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) | Self::Decimal(_) => "a number",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Whether the value is absent.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The text of a string, or of bytes that are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The whole number that an integer, a float without fraction or decimal text stands for.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) => number::float_to_int(*value),
            Self::Decimal(text) => number::text_to_int(text),
            _ => self.as_str().and_then(number::text_to_int),
        }
    }

    /// The number that an integer, a float or decimal text stands for, rounded to a float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(number::int_to_float(*value)),
            Self::Float(value) => Some(*value),
            Self::Decimal(text) => number::text_to_float(text),
            _ => self.as_str().and_then(number::text_to_float),
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The one map that a map option stands for, whatever shape it arrived in.
    ///
    /// In a job file `k { … }` and `k = { … }` both become a list of one map and a repeated block a
    /// list of several, while a variable stays a map. Later keys win; nil stands for no entries.
    /// `None` when an element is anything else.
    pub fn merged_map(&self) -> Option<Map> {
        match self {
            Self::Nil => Some(Map::new()),
            Self::Map(entries) => Some(entries.clone()),
            Self::List(items) => items.iter().try_fold(Map::new(), |mut merged, item| {
                match item {
                    Self::Nil => {}
                    Self::Map(entries) => merged.extend(entries.clone()),
                    _ => return None,
                }
                Some(merged)
            }),
            _ => None,
        }
    }

    /// The blocks that a block option stands for: one map, or a list of maps; nil is none.
    ///
    /// `None` when an element is anything else.
    pub fn blocks(&self) -> Option<Vec<&Map>> {
        match self {
            Self::Nil => Some(Vec::new()),
            Self::Map(entries) => Some(vec![entries]),
            Self::List(items) => items.iter().filter(|item| !item.is_nil()).map(Self::as_map).collect(),
            _ => None,
        }
    }

    /// The number in decimal text as the shortest kind that holds it exactly.
    ///
    /// `None` when the text is no number.
    pub fn from_decimal(text: &str) -> Option<Self> {
        number::parse(text)
    }

    /// A floating point number as the shortest kind that holds the same decimal number.
    ///
    /// The number meant is the shortest decimal that reads back as the float: `0.1` is not exact and
    /// becomes [`Value::Decimal`], `0.5` stays a float and `2.0` becomes an integer.
    pub fn from_float(value: f64) -> Self {
        number::from_float(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, V: Into<Self>, const N: usize> From<[(K, V); N]> for Value {
    fn from(entries: [(K, V); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_integers_floats_and_text() {
        let whole = [Value::Int(7), Value::Float(7.0), Value::Decimal("7".into()), "7".into(), "7.0".into()];
        for value in whole.iter().chain([&Value::Bytes(b"7".to_vec())]) {
            assert_eq!(value.as_i64(), Some(7), "{value:?}");
            assert_eq!(value.as_f64(), Some(7.0), "{value:?}");
        }
        for value in [Value::Float(7.5), "7.5".into(), "seven".into(), Value::Bool(true), Value::Nil] {
            assert_eq!(value.as_i64(), None, "{value:?}");
        }
        assert_eq!(Value::Float(1e19).as_i64(), None);
        assert_eq!(Value::Float(f64::NAN).as_i64(), None);
    }

    #[test]
    fn text_is_read_from_strings_and_from_bytes_that_are_utf8() {
        assert_eq!(Value::from("a").as_str(), Some("a"));
        assert_eq!(Value::Bytes("é".into()).as_str(), Some("é"));
        assert_eq!(Value::Bytes(vec![0xff]).as_str(), None);
        assert_eq!(Value::Int(1).as_str(), None);
    }

    #[test]
    fn maps_merge_from_every_shape_and_later_keys_win() {
        let merged = Value::from([("a", 1), ("b", 2)].map(|(k, v)| (k, Value::Int(v))));
        let block = |key: &str, value| Value::from([(key, Value::Int(value))]);
        let list = Value::from(vec![block("a", 0), Value::Nil, block("b", 2), block("a", 1)]);
        assert_eq!(Value::Map(list.merged_map().unwrap()), merged);
        assert_eq!(Value::Map(merged.merged_map().unwrap()), merged);
        assert_eq!(Value::Nil.merged_map(), Some(Map::new()));
        assert_eq!(Value::from("a").merged_map(), None);
        assert_eq!(Value::from(vec!["a"]).merged_map(), None);
    }

    #[test]
    fn blocks_are_one_map_or_a_list_of_maps() {
        let block = Value::from([("a", Value::Int(1))]);
        assert_eq!(Value::Nil.blocks().unwrap().len(), 0);
        assert_eq!(block.blocks().unwrap().len(), 1);
        assert_eq!(Value::List(vec![block.clone(), Value::Nil, block]).blocks().unwrap().len(), 2);
        assert_eq!(Value::from(vec![1_i64]).blocks(), None);
    }
}
