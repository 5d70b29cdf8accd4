//! Functions on numbers.

use super::arguments::{Arguments, number_of};
use super::{Outcome, Value};
use hcl::Number;

fn float(number: f64) -> Outcome {
    Number::from_f64(number).map(Value::Number).ok_or_else(|| "the result is not a finite number".to_owned())
}

fn real(number: &Number) -> Result<f64, String> {
    number.as_f64().ok_or_else(|| format!("{number} is out of range"))
}

pub(super) fn abs(arguments: &Arguments) -> Outcome {
    let number = arguments.number(0)?;
    match number.as_i64() {
        Some(whole) => Ok(Value::from(whole.unsigned_abs())),
        None => float(real(&number)?.abs()),
    }
}

pub(super) fn ceil(arguments: &Arguments) -> Outcome {
    whole(arguments, f64::ceil)
}

pub(super) fn floor(arguments: &Arguments) -> Outcome {
    whole(arguments, f64::floor)
}

fn whole(arguments: &Arguments, round: fn(f64) -> f64) -> Outcome {
    let number = arguments.number(0)?;
    if number.as_i64().is_some() {
        return Ok(Value::Number(number));
    }
    let rounded = round(real(&number)?);
    format!("{rounded:.0}").parse::<i64>().map(Value::from).or_else(|_| float(rounded))
}

pub(super) fn signum(arguments: &Arguments) -> Outcome {
    let number = real(&arguments.number(0)?)?;
    Ok(Value::from(i64::from(number > 0.0) - i64::from(number < 0.0)))
}

pub(super) fn max(arguments: &Arguments) -> Outcome {
    pick(arguments, |candidate, best| candidate > best)
}

pub(super) fn min(arguments: &Arguments) -> Outcome {
    pick(arguments, |candidate, best| candidate < best)
}

fn pick(arguments: &Arguments, better: fn(&Number, &Number) -> bool) -> Outcome {
    let mut best = arguments.number(0)?;
    for value in arguments.rest(1) {
        let number = number_of(value)?;
        if better(&number, &best) {
            best = number;
        }
    }
    Ok(Value::Number(best))
}

pub(super) fn parseint(arguments: &Arguments) -> Outcome {
    let (text, base) = (arguments.text(0)?, arguments.size(1)?);
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    let base = base.ok_or("the base is between 2 and 36")?;
    i64::from_str_radix(&text, base)
        .map(Value::from)
        .map_err(|_| format!("\"{text}\" is not a number of base {base}"))
}

/// The most elements that `range` makes.
const RANGE_LIMIT: usize = 1024;

pub(super) fn range(arguments: &Arguments) -> Outcome {
    arguments.at_most(3)?;
    let (start, end) = match arguments.len() {
        1 => (0, arguments.integer(0)?),
        _ => (arguments.integer(0)?, arguments.integer(1)?),
    };
    let backwards = end < start;
    let step = if arguments.len() == 3 { arguments.integer(2)? } else { if backwards { -1 } else { 1 } };
    if step == 0 || (step < 0) != backwards && start != end {
        return Err("the step leads away from the end".to_owned());
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while (backwards && next > end) || (!backwards && next < end) {
        if numbers.len() == RANGE_LIMIT {
            return Err(format!("more than {RANGE_LIMIT} elements"));
        }
        numbers.push(Value::from(next));
        next = next.checked_add(step).ok_or("out of range")?;
    }
    Ok(Value::Array(numbers))
}

#[cfg(test)]
mod tests {
    use crate::expr::functions::tests::value;

    #[test]
    fn numbers_are_rounded_and_compared() {
        assert_eq!(value("abs(-3)"), "3");
        assert_eq!(value("ceil(1.2)"), "2");
        assert_eq!(value("floor(-1.2)"), "-2");
        assert_eq!(value("floor(7)"), "7");
        assert_eq!(value("signum(-7)"), "-1");
        assert_eq!(value("max(1, 5, 3)"), "5");
        assert_eq!(value("min(4, 2.5, \"3\")"), "2.5");
        assert_eq!(value("parseint(\"ff\", 16)"), "255");
    }

    #[test]
    fn a_range_counts_up_and_down() {
        assert_eq!(value("range(3)"), "[0,1,2]");
        assert_eq!(value("range(1, 8, 3)"), "[1,4,7]");
        assert_eq!(value("range(2, 0)"), "[2,1]");
        assert_eq!(value("range(0, 5, -1)"), "job.hcl:1: range(): the step leads away from the end");
    }

    #[test]
    fn a_text_that_is_no_number_is_refused() {
        assert_eq!(value("abs(\"x\")"), "job.hcl:1: abs(): \"x\" is not a number");
    }
}
