//! Constants inside a spec: HCL expressions without variables, functions and templates.

use super::cursor::Cursor;
use super::types::SyntaxError;
use crate::cty::{Map, Value};

/// How deep a constant may nest.
const MAX_DEPTH: usize = 32;

/// The value of a constant: a number, a quoted string, `true`, `false`, `null`, a list or an object.
///
/// # Errors
/// [`SyntaxError`] for anything else.
pub fn parse_literal(text: &str) -> Result<Value, SyntaxError> {
    let mut cursor = Cursor::new(text);
    match read(&mut cursor, MAX_DEPTH) {
        Some(value) if cursor.rest().is_empty() => Ok(value),
        _ => Err(SyntaxError { what: "constant", text: text.to_owned(), rest: cursor.rest().to_owned() }),
    }
}

fn read(cursor: &mut Cursor<'_>, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    match cursor.peek()? {
        '"' => cursor.quoted().map(Value::String),
        '[' => list(cursor, depth),
        '{' => object(cursor, depth),
        c if c.is_ascii_digit() || c == '-' => {
            let text = cursor.take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
            Value::from_decimal(text)
        }
        _ => match cursor.word() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Nil),
            _ => None,
        },
    }
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Option<Value> {
    cursor.eat('[');
    let mut items = Vec::new();
    while !cursor.eat(']') {
        items.push(read(cursor, depth)?);
        if !cursor.eat(',') && cursor.peek() != Some(']') {
            return None;
        }
    }
    Some(Value::List(items))
}

fn object(cursor: &mut Cursor<'_>, depth: usize) -> Option<Value> {
    cursor.eat('{');
    let mut entries = Map::new();
    while !cursor.eat('}') {
        let key = match cursor.peek()? {
            '"' => cursor.quoted()?,
            _ => cursor.word().to_owned(),
        };
        if key.is_empty() || !(cursor.eat('=') || cursor.eat(':')) {
            return None;
        }
        entries.insert(key, read(cursor, depth)?);
        if !cursor.eat(',') && cursor.peek() != Some('}') {
            return None;
        }
    }
    Some(Value::Map(entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_constant_is_read() {
        assert_eq!(parse_literal(r#""a \"b\"\n""#), Ok(Value::from("a \"b\"\n")));
        assert_eq!(parse_literal(" -5 "), Ok(Value::Int(-5)));
        assert_eq!(parse_literal("0.1"), Ok(Value::Decimal("0.1".into())));
        assert_eq!(parse_literal("true"), Ok(Value::Bool(true)));
        assert_eq!(parse_literal("null"), Ok(Value::Nil));
        assert_eq!(parse_literal(r#"["a", "b",]"#), Ok(Value::from(vec!["a", "b"])));
        assert_eq!(parse_literal(r#"{a = 1, "b": []}"#).map(|v| v.as_map().map(|m| m.len())), Ok(Some(2)));
    }

    #[test]
    fn what_needs_an_evaluation_is_refused() {
        let texts =
            ["", "text", r#""a${b}""#, r#""a"#, "max(1, 2)", "[1 2]", "{a}", "1 2", r#""\q""#, "1.2.3"];
        for text in texts {
            assert!(parse_literal(text).is_err(), "{text:?}");
        }
        assert!(parse_literal(&"[".repeat(100_000)).is_err());
    }
}
