//! Conversion of a value to an attribute's type, as HCL does it.

use super::types::Type;
use crate::cty::{Map, Value};

/// Text of a value in an error; longer values are cut.
const MAX_SHOWN: usize = 80;

/// A value that cannot become what its attribute asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {found} where {expected} is expected")]
pub struct Mismatch {
    /// Keys and indexes inside the attribute, such as `[0].source`; empty for the attribute itself.
    pub path: String,
    /// The value in short: scalars are quoted, collections named by their kind.
    pub found: String,
    /// The type expected there.
    pub expected: Type,
}

/// The value as the given type. Nil fits every type and stays nil.
///
/// Numbers and booleans become text, text becomes a number or a boolean where it reads as one, and
/// lists, sets, tuples, maps and objects become each other within their kind. A single value never
/// becomes a list.
///
/// # Errors
/// [`Mismatch`] with the innermost place that does not fit.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, Mismatch> {
    let mismatch = || Mismatch { path: String::new(), found: shown(value), expected: ty.clone() };
    match (ty, value) {
        (_, Value::Nil) => Ok(Value::Nil),
        (Type::Any, _) => Ok(value.clone()),
        (Type::String, _) => text(value).map(Value::String).ok_or_else(mismatch),
        (Type::Number, _) => number(value).ok_or_else(mismatch),
        (Type::Bool, _) => boolean(value).map(Value::Bool).ok_or_else(mismatch),
        (Type::List(element), Value::List(items)) => {
            list(items.iter().map(|item| (item, &**element))).map(Value::List)
        }
        (Type::Set(element), Value::List(items)) => {
            let mut set: Vec<Value> = Vec::new();
            for item in list(items.iter().map(|item| (item, &**element)))? {
                if !set.contains(&item) {
                    set.push(item);
                }
            }
            Ok(Value::List(set))
        }
        (Type::Tuple(elements), Value::List(items)) if elements.len() == items.len() => {
            list(items.iter().zip(elements)).map(Value::List)
        }
        (Type::Map(element), Value::Map(entries)) => {
            map(entries.iter().map(|(key, value)| (key, value, &**element)))
        }
        (Type::Object(fields), Value::Map(entries)) => {
            if fields.keys().any(|name| !entries.contains_key(name)) {
                return Err(mismatch());
            }
            map(fields.iter().filter_map(|(name, ty)| entries.get(name).map(|value| (name, value, ty))))
        }
        _ => Err(mismatch()),
    }
}

fn list<'a>(items: impl Iterator<Item = (&'a Value, &'a Type)>) -> Result<Vec<Value>, Mismatch> {
    items
        .enumerate()
        .map(|(index, (value, ty))| convert(value, ty).map_err(|error| error.under(&format!("[{index}]"))))
        .collect()
}

fn map<'a>(entries: impl Iterator<Item = (&'a String, &'a Value, &'a Type)>) -> Result<Value, Mismatch> {
    let converted = entries.map(|(key, value, ty)| {
        let value = convert(value, ty).map_err(|error| error.under(&format!(".{key}")))?;
        Ok((key.clone(), value))
    });
    converted.collect::<Result<Map, _>>().map(Value::Map)
}

impl Mismatch {
    fn under(mut self, step: &str) -> Self {
        self.path.insert_str(0, step);
        self
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Decimal(text) => Some(text.clone()),
        _ => value.as_str().map(str::to_owned),
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Decimal(_) => Some(value.clone()),
        Value::Float(value) => Some(Value::from_float(*value)),
        _ => value.as_str().and_then(Value::from_decimal),
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        _ => match value.as_str()? {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
    }
}

/// The value in short, for an error.
pub(super) fn shown(value: &Value) -> String {
    let Some(text) = text(value) else {
        return value.kind().to_owned();
    };
    let short: String = text.chars().take(MAX_SHOWN).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    match value {
        Value::String(_) | Value::Bytes(_) => format!("{short:?}{cut}"),
        _ => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: impl Into<Value>, ty: &str) -> Result<Value, Mismatch> {
        convert(&value.into(), &ty.parse().unwrap())
    }

    #[test]
    fn scalars_become_each_other_as_in_hcl() {
        assert_eq!(check(5, "string"), Ok("5".into()));
        assert_eq!(check(Value::Float(0.5), "string"), Ok("0.5".into()));
        assert_eq!(check(true, "string"), Ok("true".into()));
        assert_eq!(check("5", "number"), Ok(Value::Int(5)));
        assert_eq!(check("0.1", "number"), Ok(Value::Decimal("0.1".into())));
        assert_eq!(check("true", "bool"), Ok(Value::Bool(true)));
        assert_eq!(check("0", "bool"), Ok(Value::Bool(false)));
        for (value, ty) in
            [(Value::Int(1), "bool"), (true.into(), "number"), ("yes".into(), "bool"), ("x".into(), "number")]
        {
            assert!(check(value.clone(), ty).is_err(), "{value:?} as {ty}");
        }
    }

    #[test]
    fn nil_fits_every_type() {
        for ty in ["any", "string", "number", "bool", "list(string)", "map(string)", "object({a = string})"] {
            assert_eq!(check(Value::Nil, ty), Ok(Value::Nil));
        }
    }

    #[test]
    fn a_single_value_is_no_list_and_a_map_is_none_either() {
        assert!(check("a", "list(string)").is_err());
        assert!(check([("a", "b")], "list(map(string))").is_err());
        assert!(check(vec!["a"], "string").is_err());
    }

    #[test]
    fn elements_are_converted_and_sets_lose_duplicates() {
        assert_eq!(check(vec![1, 2], "list(string)"), Ok(vec!["1", "2"].into()));
        assert_eq!(check(Value::List(vec!["1".into(), 1.into()]), "set(string)"), Ok(vec!["1"].into()));
        assert_eq!(check([("a", 1)], "map(string)"), Ok([("a", "1")].into()));
        assert_eq!(check([("a", 1), ("b", 2)], "object({a = string})"), Ok([("a", "1")].into()));
        assert!(check([("b", 2)], "object({a = string})").is_err());
        assert!(check(vec!["a"], "tuple([string, string])").is_err());
    }

    #[test]
    fn a_mismatch_names_the_innermost_place() {
        let error = check(Value::List(vec![[("a", Value::from(vec!["x"]))].into()]), "list(map(string))")
            .unwrap_err();
        assert_eq!((error.path.as_str(), error.found.as_str()), ("[0].a", "a list"));
        assert_eq!(error.expected, Type::String);
    }

    #[test]
    fn a_long_value_is_cut() {
        let error = check("é".repeat(200), "number").unwrap_err();
        assert_eq!(error.found.chars().count(), MAX_SHOWN + 3);
    }
}
