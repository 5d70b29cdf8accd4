//! The arguments of a function call, converted as Nomad's language converts them.

use hcl::eval::FuncArgs;
use hcl::{Map, Number, Value};

/// The arguments of one call.
pub(super) struct Arguments(Vec<Value>);

impl Arguments {
    pub(super) fn new(arguments: FuncArgs) -> Self {
        Self(arguments.into_values())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Refuses more arguments than the function takes; the library counts only the least number.
    pub(super) fn at_most(&self, limit: usize) -> Result<(), String> {
        if self.0.len() > limit { Err(format!("takes at most {limit} arguments")) } else { Ok(()) }
    }

    pub(super) fn value(&self, index: usize) -> Result<&Value, String> {
        self.0.get(index).ok_or_else(|| format!("needs at least {} arguments", index + 1))
    }

    pub(super) fn rest(&self, from: usize) -> &[Value] {
        self.0.get(from..).unwrap_or(&[])
    }

    pub(super) fn text(&self, index: usize) -> Result<String, String> {
        text_of(self.value(index)?)
    }

    pub(super) fn number(&self, index: usize) -> Result<Number, String> {
        number_of(self.value(index)?)
    }

    pub(super) fn integer(&self, index: usize) -> Result<i64, String> {
        self.number(index)?.as_i64().ok_or_else(|| format!("{} is not a whole number", self.0[index]))
    }

    /// A length or position: a whole number that is not negative.
    pub(super) fn size(&self, index: usize) -> Result<usize, String> {
        let number = self.integer(index)?;
        usize::try_from(number).map_err(|_| format!("{number} is negative"))
    }

    pub(super) fn list(&self, index: usize) -> Result<&[Value], String> {
        list_of(self.value(index)?)
    }

    pub(super) fn map(&self, index: usize) -> Result<&Map<String, Value>, String> {
        let value = self.value(index)?;
        value.as_object().ok_or_else(|| format!("{value} is not a map"))
    }
}

pub(super) fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => Err(format!("{other} is not a string")),
    }
}

pub(super) fn number_of(value: &Value) -> Result<Number, String> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::String(text) => {
            let whole = text.parse::<i64>().ok().map(Number::from);
            let number = whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
            number.ok_or_else(|| format!("{value} is not a number"))
        }
        other => Err(format!("{other} is not a number")),
    }
}

pub(super) fn list_of(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{value} is not a list"))
}
