//! `format` and `formatlist`: the verbs of Go's `Printf` that HCL documents.

use super::arguments::{Arguments, number_of, text_of};
use super::{Outcome, Value};

pub(super) fn format(arguments: &Arguments) -> Outcome {
    Ok(render(&arguments.text(0)?, arguments.rest(1))?.into())
}

/// Formats once for each element of the lists; other arguments are the same each time.
pub(super) fn formatlist(arguments: &Arguments) -> Outcome {
    let lengths: Vec<usize> = arguments.rest(1).iter().filter_map(Value::as_array).map(Vec::len).collect();
    let length = lengths.first().copied().unwrap_or(1);
    if lengths.iter().any(|other| *other != length) {
        return Err("the lists have different lengths".to_owned());
    }
    let template = arguments.text(0)?;
    let one = |position: usize| {
        let row: Vec<Value> = arguments
            .rest(1)
            .iter()
            .map(|value| value.as_array().map_or(value, |items| &items[position]).clone())
            .collect();
        render(&template, &row).map(Value::from)
    };
    Ok(Value::Array((0..length).map(one).collect::<Result<_, String>>()?))
}

fn render(template: &str, values: &[Value]) -> Result<String, String> {
    let mut result = String::new();
    let mut values = values.iter();
    let mut rest = template;
    while let Some(start) = rest.find('%') {
        result.push_str(&rest[..start]);
        let (verb, after) = Verb::read(&rest[start + 1..])?;
        rest = after;
        match verb.letter {
            '%' => result.push('%'),
            _ => {
                let value = values.next().ok_or_else(|| format!("no argument for %{}", verb.letter))?;
                result.push_str(&verb.apply(value)?);
            }
        }
    }
    result.push_str(rest);
    match values.next() {
        Some(_) => Err("more arguments than verbs".to_owned()),
        None => Ok(result),
    }
}

struct Verb {
    left: bool,
    zeros: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Verb {
    fn read(text: &str) -> Result<(Self, &str), String> {
        let flags = text.len() - text.trim_start_matches(['-', '0', '+', '#', ' ']).len();
        let (flags, rest) = text.split_at(flags);
        let (width, rest) = digits(rest);
        let (precision, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (precision, rest) = digits(rest);
                (Some(precision.parse().unwrap_or(0)), rest)
            }
            None => (None, rest),
        };
        let letter = rest.chars().next().ok_or("a % at the end; write %% for a percent sign")?;
        let verb = Self {
            left: flags.contains('-'),
            zeros: flags.contains('0'),
            plus: flags.contains('+'),
            width: width.parse().unwrap_or(0),
            precision,
            letter,
        };
        Ok((verb, &rest[letter.len_utf8()..]))
    }

    fn apply(&self, value: &Value) -> Result<String, String> {
        let integer = || number_of(value)?.as_i64().ok_or_else(|| format!("{value} is not a whole number"));
        let real = || number_of(value)?.as_f64().ok_or_else(|| format!("{value} is out of range"));
        let text = match self.letter {
            's' => text_of(value)?,
            'v' => match value {
                Value::Array(_) | Value::Object(_) | Value::Null => {
                    serde_json::to_string(value).map_err(|error| error.to_string())?
                }
                plain => text_of(plain)?,
            },
            'q' => serde_json::to_string(&text_of(value)?).map_err(|error| error.to_string())?,
            'd' => integer()?.to_string(),
            'x' => format!("{:x}", integer()?),
            'X' => format!("{:X}", integer()?),
            'o' => format!("{:o}", integer()?),
            'b' => format!("{:b}", integer()?),
            'f' => format!("{:.*}", self.precision.unwrap_or(6), real()?),
            'e' => format!("{:e}", real()?),
            'g' => real()?.to_string(),
            't' => match value {
                Value::Bool(value) => value.to_string(),
                other => return Err(format!("{other} is not true or false")),
            },
            other => return Err(format!("unknown verb %{other}")),
        };
        Ok(self.pad(text))
    }

    fn pad(&self, mut text: String) -> String {
        if self.plus && matches!(self.letter, 'd' | 'f') && !text.starts_with('-') {
            text.insert(0, '+');
        }
        if let (Some(precision), 's') = (self.precision, self.letter) {
            text = text.chars().take(precision).collect();
        }
        let missing = self.width.saturating_sub(text.chars().count());
        match (self.left, self.zeros) {
            (true, _) => text + &" ".repeat(missing),
            (false, true) => {
                let sign = text.len() - text.trim_start_matches(['-', '+']).len();
                text.insert_str(sign, &"0".repeat(missing));
                text
            }
            (false, false) => " ".repeat(missing) + &text,
        }
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::functions::tests::value;
    use proptest::prelude::*;

    #[test]
    fn verbs_are_replaced_in_order() {
        assert_eq!(value(r#"format("%s:%d", "a", 80)"#), r#""a:80""#);
        assert_eq!(
            value(r#"format("%05d|%-4s|%.2f|%t|%%", 42, "a", 1.5, true)"#),
            r#""00042|a   |1.50|true|%""#
        );
        assert_eq!(value(r#"format("%q %x %v", "a\"b", 255, [1])"#), r#""\"a\\\"b\" ff [1]""#);
        assert_eq!(value(r#"format("%+d %4s", 3, "ä")"#), r#""+3    ä""#);
    }

    #[test]
    fn a_verb_without_an_argument_and_an_argument_without_a_verb_are_errors() {
        assert_eq!(value(r#"format("%s")"#), "job.hcl:1: format(): no argument for %s");
        assert_eq!(value(r#"format("x", 1)"#), "job.hcl:1: format(): more arguments than verbs");
        assert_eq!(value(r#"format("%d", "x")"#), "job.hcl:1: format(): \"x\" is not a number");
    }

    #[test]
    fn a_list_is_formatted_element_by_element() {
        assert_eq!(value(r#"formatlist("%s-%s", ["a", "b"], "x")"#), r#"["a-x","b-x"]"#);
    }

    proptest! {
        #[test]
        fn no_template_makes_the_formatter_panic(template in "[%a-z0-9.+ -]{0,12}") {
            let _ = render(&template, &[Value::from(1), Value::from("x")]);
        }
    }
}
