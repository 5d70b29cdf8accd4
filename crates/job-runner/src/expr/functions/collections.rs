//! Functions on lists and maps.

use super::arguments::{Arguments, list_of, text_of};
use super::{Outcome, Value};
use hcl::Map;

fn list(items: impl IntoIterator<Item = Value>) -> Outcome {
    Ok(Value::Array(items.into_iter().collect()))
}

fn unique(items: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

pub(super) fn concat(arguments: &Arguments) -> Outcome {
    let mut all = Vec::new();
    for value in arguments.rest(0) {
        all.extend_from_slice(list_of(value)?);
    }
    list(all)
}

pub(super) fn contains(arguments: &Arguments) -> Outcome {
    Ok(Value::from(arguments.list(0)?.contains(arguments.value(1)?)))
}

pub(super) fn distinct(arguments: &Arguments) -> Outcome {
    list(unique(arguments.list(0)?.iter().cloned()))
}

/// The position wraps around at the list's end.
pub(super) fn element(arguments: &Arguments) -> Outcome {
    let items = arguments.list(0)?;
    let position = arguments.size(1)?;
    let position = position.checked_rem(items.len()).ok_or("the list is empty")?;
    Ok(items[position].clone())
}

pub(super) fn flatten(arguments: &Arguments) -> Outcome {
    fn into(items: &[Value], flat: &mut Vec<Value>) {
        for item in items {
            match item {
                Value::Array(inner) => into(inner, flat),
                other => flat.push(other.clone()),
            }
        }
    }
    let mut flat = Vec::new();
    into(arguments.list(0)?, &mut flat);
    list(flat)
}

pub(super) fn index(arguments: &Arguments) -> Outcome {
    let wanted = arguments.value(1)?;
    let position = arguments.list(0)?.iter().position(|item| item == wanted);
    position.map(Value::from).ok_or_else(|| format!("{wanted} is not in the list"))
}

pub(super) fn keys(arguments: &Arguments) -> Outcome {
    list(sorted(arguments.map(0)?).into_iter().map(|(key, _)| Value::from(key.as_str())))
}

pub(super) fn values(arguments: &Arguments) -> Outcome {
    list(sorted(arguments.map(0)?).into_iter().map(|(_, value)| value.clone()))
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| key.as_str());
    entries
}

pub(super) fn length(arguments: &Arguments) -> Outcome {
    match arguments.value(0)? {
        Value::Array(items) => Ok(items.len().into()),
        Value::Object(entries) => Ok(entries.len().into()),
        Value::String(text) => Ok(text.chars().count().into()),
        other => Err(format!("{other} has no length")),
    }
}

pub(super) fn lookup(arguments: &Arguments) -> Outcome {
    arguments.at_most(3)?;
    let key = arguments.text(1)?;
    match (arguments.map(0)?.get(&key), arguments.rest(2).first()) {
        (Some(value), _) | (None, Some(value)) => Ok(value.clone()),
        (None, None) => Err(format!("the map has no key \"{key}\"")),
    }
}

pub(super) fn merge(arguments: &Arguments) -> Outcome {
    let mut all = Map::new();
    for position in 0..arguments.len() {
        if !arguments.value(position)?.is_null() {
            all.extend(arguments.map(position)?.clone());
        }
    }
    Ok(Value::Object(all))
}

pub(super) fn reverse(arguments: &Arguments) -> Outcome {
    match arguments.value(0)? {
        Value::String(text) => Ok(text.chars().rev().collect::<String>().into()),
        _ => list(arguments.list(0)?.iter().rev().cloned()),
    }
}

pub(super) fn slice(arguments: &Arguments) -> Outcome {
    let items = arguments.list(0)?;
    let (start, end) = (arguments.size(1)?, arguments.size(2)?);
    let part = items.get(start..end).ok_or_else(|| format!("the list has {} elements", items.len()))?;
    list(part.to_vec())
}

pub(super) fn sort(arguments: &Arguments) -> Outcome {
    let mut texts = arguments.list(0)?.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    texts.sort();
    list(texts.into_iter().map(Value::from))
}

pub(super) fn zipmap(arguments: &Arguments) -> Outcome {
    let (keys, values) = (arguments.list(0)?, arguments.list(1)?);
    if keys.len() != values.len() {
        return Err(format!("{} keys for {} values", keys.len(), values.len()));
    }
    let pairs = keys.iter().zip(values).map(|(key, value)| Ok((text_of(key)?, value.clone())));
    Ok(Value::Object(pairs.collect::<Result<_, String>>()?))
}

pub(super) fn compact(arguments: &Arguments) -> Outcome {
    list(arguments.list(0)?.iter().filter(|item| **item != Value::from("") && !item.is_null()).cloned())
}

pub(super) fn coalesce(arguments: &Arguments) -> Outcome {
    let found = arguments.rest(0).iter().find(|value| !value.is_null() && **value != Value::from(""));
    found.cloned().ok_or_else(|| "every argument is empty".to_owned())
}

pub(super) fn coalescelist(arguments: &Arguments) -> Outcome {
    for value in arguments.rest(0) {
        if !list_of(value)?.is_empty() {
            return Ok(value.clone());
        }
    }
    Err("every list is empty".to_owned())
}

pub(super) fn chunklist(arguments: &Arguments) -> Outcome {
    match arguments.size(1)? {
        0 => list([Value::Array(arguments.list(0)?.to_vec())]),
        size => list(arguments.list(0)?.chunks(size).map(|chunk| Value::Array(chunk.to_vec()))),
    }
}

pub(super) fn setunion(arguments: &Arguments) -> Outcome {
    let mut all = Vec::new();
    for value in arguments.rest(0) {
        all.extend_from_slice(list_of(value)?);
    }
    list(unique(all))
}

pub(super) fn setintersection(arguments: &Arguments) -> Outcome {
    let mut common = unique(arguments.list(0)?.iter().cloned());
    for value in arguments.rest(1) {
        let other = list_of(value)?;
        common.retain(|item| other.contains(item));
    }
    list(common)
}

#[cfg(test)]
mod tests {
    use crate::expr::functions::tests::value;

    #[test]
    fn lists_are_joined_cut_and_searched() {
        assert_eq!(value("concat([1], [2, 3])"), "[1,2,3]");
        assert_eq!(value("contains([1, 2], 2)"), "true");
        assert_eq!(value("distinct([1, 2, 1])"), "[1,2]");
        assert_eq!(value("element([\"a\", \"b\"], 3)"), "\"b\"");
        assert_eq!(value("flatten([1, [2, [3]]])"), "[1,2,3]");
        assert_eq!(value("index([\"a\", \"b\"], \"b\")"), "1");
        assert_eq!(value("reverse([1, 2])"), "[2,1]");
        assert_eq!(value("slice([1, 2, 3], 1, 3)"), "[2,3]");
        assert_eq!(value("sort([\"b\", \"a\"])"), "[\"a\",\"b\"]");
        assert_eq!(value("compact([\"a\", \"\"])"), "[\"a\"]");
        assert_eq!(value("chunklist([1, 2, 3], 2)"), "[[1,2],[3]]");
        assert_eq!(value("setunion([1], [2, 1])"), "[1,2]");
        assert_eq!(value("setintersection([1, 2], [2, 3])"), "[2]");
    }

    #[test]
    fn maps_are_merged_and_read_in_the_order_of_their_keys() {
        assert_eq!(value("keys({ b = 1, a = 2 })"), "[\"a\",\"b\"]");
        assert_eq!(value("values({ b = 1, a = 2 })"), "[2,1]");
        assert_eq!(value("merge({ a = 1 }, { a = 2, b = 3 })"), "{\"a\":2,\"b\":3}");
        assert_eq!(value("lookup({ a = 1 }, \"b\", 9)"), "9");
        assert_eq!(value("zipmap([\"a\"], [1])"), "{\"a\":1}");
        assert_eq!(value("length({ a = 1 })"), "1");
    }

    #[test]
    fn the_first_value_that_is_not_empty_is_taken() {
        assert_eq!(value("coalesce(\"\", \"a\", \"b\")"), "\"a\"");
        assert_eq!(value("coalescelist([], [1])"), "[1]");
        assert_eq!(value("coalesce(\"\")"), "job.hcl:1: coalesce(): every argument is empty");
    }

    #[test]
    fn a_position_outside_a_list_is_an_error() {
        assert_eq!(value("slice([1], 0, 2)"), "job.hcl:1: slice(): the list has 1 elements");
        assert_eq!(value("element([], 0)"), "job.hcl:1: element(): the list is empty");
    }
}
