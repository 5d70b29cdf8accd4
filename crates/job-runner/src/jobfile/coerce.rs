//! Values as the types that options take, converted as Nomad converts them.

use hcl::Value;
use nomad_proto::cty;
use std::time::Duration;

/// A value as an error message shows it: scalars as they are, collections by their kind.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a map".into(),
        scalar => scalar.to_string(),
    }
}

/// A type that an option takes.
pub(super) trait Coerce: Sized {
    /// What it is called in an error message.
    const EXPECTED: &'static str;

    fn coerce(value: Value) -> Option<Self>;
}

impl Coerce for String {
    const EXPECTED: &'static str = "a string";

    fn coerce(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl Coerce for bool {
    const EXPECTED: &'static str = "true or false";

    fn coerce(value: Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(value),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Coerce for i64 {
    const EXPECTED: &'static str = "a whole number";

    fn coerce(value: Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Coerce for u32 {
    const EXPECTED: &'static str = "a whole number that is not negative";

    fn coerce(value: Value) -> Option<Self> {
        i64::coerce(value).and_then(|number| Self::try_from(number).ok())
    }
}

impl Coerce for u16 {
    const EXPECTED: &'static str = "a port number";

    fn coerce(value: Value) -> Option<Self> {
        i64::coerce(value).and_then(|number| Self::try_from(number).ok())
    }
}

impl Coerce for Duration {
    const EXPECTED: &'static str = "a duration such as \"30s\" or \"1h30m\"";

    fn coerce(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => nomad_proto::duration::parse(&text).ok(),
            _ => None,
        }
    }
}

impl Coerce for Vec<String> {
    const EXPECTED: &'static str = "a list of strings";

    fn coerce(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(String::coerce).collect(),
            _ => None,
        }
    }
}

/// The same value in the form of configurations.
pub(super) fn to_cty(value: Value) -> cty::Value {
    match value {
        Value::Null => cty::Value::Nil,
        Value::Bool(value) => cty::Value::Bool(value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => cty::Value::Int(whole),
            None => number.as_f64().map_or(cty::Value::Nil, cty::Value::from_float),
        },
        Value::String(text) => cty::Value::String(text),
        Value::Array(items) => cty::Value::List(items.into_iter().map(to_cty).collect()),
        Value::Object(entries) => {
            cty::Value::Map(entries.into_iter().map(|(key, value)| (key, to_cty(value))).collect())
        }
    }
}

/// The same value in the form of expressions; bytes that are not text become null.
pub(super) fn from_cty(value: cty::Value) -> Value {
    match value {
        cty::Value::Nil => Value::Null,
        cty::Value::Bool(value) => Value::Bool(value),
        cty::Value::Int(number) => Value::from(number),
        cty::Value::Float(number) => hcl::Number::from_f64(number).map_or(Value::Null, Value::Number),
        cty::Value::Decimal(text) => {
            let number = text.parse().ok().and_then(hcl::Number::from_f64);
            number.map_or(Value::Null, Value::Number)
        }
        cty::Value::String(text) => Value::String(text),
        cty::Value::Bytes(bytes) => String::from_utf8(bytes).map_or(Value::Null, Value::String),
        cty::Value::List(items) => Value::Array(items.into_iter().map(from_cty).collect()),
        cty::Value::Map(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, from_cty(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_are_taken_for_strings_and_back() {
        assert_eq!(String::coerce(Value::from(5)), Some("5".into()));
        assert_eq!(i64::coerce(Value::from("5")), Some(5));
        assert_eq!(bool::coerce(Value::from("true")), Some(true));
        assert_eq!(u32::coerce(Value::from(-1)), None);
        assert_eq!(u16::coerce(Value::from(70_000)), None);
        assert_eq!(Duration::coerce(Value::from(5)), None);
    }

    #[test]
    fn values_keep_what_they_are_between_the_two_forms() {
        let value: Value = serde_json::from_str(r#"{"a":[1,0.5,0.1,"x",true,null],"b":{"c":-1}}"#).unwrap();
        assert_eq!(from_cty(to_cty(value.clone())), value);
    }
}
