//! Functions on strings.

use super::arguments::{Arguments, list_of, text_of};
use super::{Outcome, Value};

pub(super) fn upper(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.to_uppercase().into())
}

pub(super) fn lower(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.to_lowercase().into())
}

pub(super) fn title(arguments: &Arguments) -> Outcome {
    let mut start = true;
    let mut result = String::new();
    for letter in arguments.text(0)?.chars() {
        match start {
            true => result.extend(letter.to_uppercase()),
            false => result.push(letter),
        }
        start = !letter.is_alphanumeric() && letter != '\'' && letter != '_';
    }
    Ok(result.into())
}

pub(super) fn trim(arguments: &Arguments) -> Outcome {
    let set = arguments.text(1)?;
    Ok(arguments.text(0)?.trim_matches(|letter| set.contains(letter)).into())
}

pub(super) fn trimspace(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.trim().into())
}

pub(super) fn trimprefix(arguments: &Arguments) -> Outcome {
    let (text, prefix) = (arguments.text(0)?, arguments.text(1)?);
    Ok(text.strip_prefix(prefix.as_str()).unwrap_or(&text).into())
}

pub(super) fn trimsuffix(arguments: &Arguments) -> Outcome {
    let (text, suffix) = (arguments.text(0)?, arguments.text(1)?);
    Ok(text.strip_suffix(suffix.as_str()).unwrap_or(&text).into())
}

pub(super) fn chomp(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.trim_end_matches(['\r', '\n']).into())
}

/// Every line but the first gets the given number of spaces.
pub(super) fn indent(arguments: &Arguments) -> Outcome {
    let pad = format!("\n{}", " ".repeat(arguments.size(0)?));
    Ok(arguments.text(1)?.replace('\n', &pad).into())
}

pub(super) fn replace(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.replace(&arguments.text(1)?, &arguments.text(2)?).into())
}

pub(super) fn split(arguments: &Arguments) -> Outcome {
    let (separator, text) = (arguments.text(0)?, arguments.text(1)?);
    Ok(Value::Array(text.split(separator.as_str()).map(Value::from).collect()))
}

pub(super) fn join(arguments: &Arguments) -> Outcome {
    let mut parts = Vec::new();
    for list in arguments.rest(1) {
        for item in list_of(list)? {
            parts.push(text_of(item)?);
        }
    }
    Ok(parts.join(&arguments.text(0)?).into())
}

pub(super) fn strlen(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.chars().count().into())
}

pub(super) fn strrev(arguments: &Arguments) -> Outcome {
    Ok(arguments.text(0)?.chars().rev().collect::<String>().into())
}

/// A negative offset counts from the end; a negative length means the rest.
pub(super) fn substr(arguments: &Arguments) -> Outcome {
    let letters: Vec<char> = arguments.text(0)?.chars().collect();
    let (offset, length) = (arguments.integer(1)?, arguments.integer(2)?);
    let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let start = if offset < 0 { letters.len().saturating_sub(back) } else { back.min(letters.len()) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(letters.into_iter().skip(start).take(length).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use crate::expr::functions::tests::value;

    #[test]
    fn strings_are_changed_as_named() {
        assert_eq!(value(r#"upper("ab")"#), r#""AB""#);
        assert_eq!(value(r#"lower("AB")"#), r#""ab""#);
        assert_eq!(value(r#"title("hello big world")"#), r#""Hello Big World""#);
        assert_eq!(value(r#"trim("--x--", "-")"#), r#""x""#);
        assert_eq!(value(r#"trimspace("  x ")"#), r#""x""#);
        assert_eq!(value(r#"trimprefix("helloworld", "hello")"#), r#""world""#);
        assert_eq!(value(r#"trimsuffix("a.txt", ".txt")"#), r#""a""#);
        assert_eq!(value(r#"chomp("a\n\n")"#), r#""a""#);
        assert_eq!(value(r#"indent(2, "a\nb")"#), r#""a\n  b""#);
        assert_eq!(value(r#"replace("a-b-c", "-", "+")"#), r#""a+b+c""#);
        assert_eq!(value(r#"strrev("abc")"#), r#""cba""#);
    }

    #[test]
    fn lists_and_strings_are_turned_into_each_other() {
        assert_eq!(value(r#"split(",", "a,b")"#), r#"["a","b"]"#);
        assert_eq!(value(r#"join("-", ["a", 1], ["b"])"#), r#""a-1-b""#);
    }

    #[test]
    fn a_substring_counts_letters_from_either_end() {
        assert_eq!(value(r#"substr("hello world", 1, 4)"#), r#""ello""#);
        assert_eq!(value(r#"substr("hello", -3, -1)"#), r#""llo""#);
        assert_eq!(value(r#"strlen("äöü")"#), "3");
    }
}
