//! Reading the value of one option as what its row says, with one clear error.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nomad_proto::cty::{Map, Value};
use nomad_proto::duration;

use super::error::OptionError;
use super::origin::Name;

/// An option that is set. There is no Debug, as it may be a password.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The names of the blocks around it, each with a point.
    prefix: &'a str,
    name: &'static str,
    value: &'a Value,
    /// All options of the same block.
    entries: &'a Map,
}

impl<'a> Reader<'a> {
    /// The option of that name, if it is set to anything.
    pub(super) fn of(entries: &'a Map, prefix: &'a str, name: &'static str) -> Option<Self> {
        let value = entries.get(name).filter(|value| !value.is_nil())?;
        Some(Self { prefix, name, value, entries })
    }

    /// Another option of the same block, if it is set.
    pub(super) fn beside(&self, name: &'static str) -> Option<Self> {
        Self::of(self.entries, self.prefix, name)
    }

    /// The option's name, after those of its blocks.
    pub(super) fn option(&self) -> String {
        format!("{}{}", self.prefix, self.name)
    }

    /// What it is set to.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// Whether it is an empty text.
    pub(super) fn is_empty(&self) -> bool {
        self.value.as_str() == Some("")
    }

    pub(super) fn text(&self) -> Result<String, OptionError> {
        self.read("must be a string", |value| value.as_str().map(str::to_owned))
    }

    /// A text; an empty one is unset, as the Go driver has it and variables of jobs often are.
    pub(super) fn filled(&self) -> Result<Option<String>, OptionError> {
        Ok(Some(self.text()?).filter(|text| !text.is_empty()))
    }

    /// A text that must not be empty.
    pub(super) fn name(&self) -> Result<String, OptionError> {
        let hint = "must be a string that is not empty";
        self.read(hint, |value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    pub(super) fn flag(&self) -> Result<bool, OptionError> {
        self.read("must be true or false", |value| match value.as_str() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => value.as_bool(),
        })
    }

    /// A text, or a number as its text, that no error shows.
    pub(super) fn secret(&self) -> Result<String, OptionError> {
        text(self.value).ok_or_else(|| self.refused_secret("must be a string"))
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, hint: &'static str, words: &[(&str, T)]) -> Result<T, OptionError> {
        self.read(hint, |value| {
            words.iter().find(|(word, _)| value.as_str() == Some(word)).map(|(_, meaning)| *meaning)
        })
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, OptionError> {
        self.read("must be a list of strings", texts)
    }

    /// One text or a list of them.
    pub(super) fn text_or_texts(&self) -> Result<Vec<String>, OptionError> {
        let read = |value: &Value| value.as_str().map(|text| vec![text.to_owned()]).or_else(|| texts(value));
        self.read("must be a string or a list of strings", read)
    }

    /// A whole number.
    pub(super) fn number(&self) -> Result<i64, OptionError> {
        self.read("must be a whole number", Value::as_i64)
    }

    /// A size as text; a number stands for bytes.
    pub(super) fn size(&self) -> Result<String, OptionError> {
        self.read("must be a size such as \"64m\", or a number of bytes", text)
    }

    /// Texts by name; of a repeated block later keys win.
    pub(super) fn map(&self) -> Result<BTreeMap<String, String>, OptionError> {
        let read = |value: &Value| {
            let entries = value.merged_map()?.into_iter();
            entries.map(|(key, value)| Some((key, text(&value)?))).collect()
        };
        self.read("must be a map of strings", read)
    }

    /// A duration above zero; an empty text is unset.
    pub(super) fn duration(&self) -> Result<Option<Duration>, OptionError> {
        let hint = "must be a duration above zero, such as \"30s\", \"5m\", \"1h30m\" or \"500ms\"";
        self.read(hint, |value| match value.as_str()? {
            "" => Some(None),
            text => duration::parse(text).ok().filter(|duration| !duration.is_zero()).map(Some),
        })
    }

    /// The same with what holds when it is unset.
    pub(super) fn duration_or(&self, default: Duration) -> Result<Duration, OptionError> {
        Ok(self.duration()?.unwrap_or(default))
    }

    /// An absolute path on the host, with or without `unix://`.
    pub(super) fn host_path(&self) -> Result<PathBuf, OptionError> {
        self.read("must be an absolute path", |value| {
            let text = value.as_str()?;
            let path = text.strip_prefix("unix://").unwrap_or(text);
            (path.starts_with('/') && !path.contains('\0')).then(|| PathBuf::from(path))
        })
    }

    /// A value that cannot be taken.
    pub(super) fn refused(&self, hint: &'static str) -> OptionError {
        OptionError::Value { option: self.option(), value: shown(self.value), hint }
    }

    /// The same with the kind of the value in its place.
    pub(super) fn refused_kind(&self, hint: &'static str) -> OptionError {
        OptionError::Value { option: self.option(), value: self.value.kind().to_owned(), hint }
    }

    /// The same without the value.
    pub(super) fn refused_secret(&self, hint: &'static str) -> OptionError {
        OptionError::Value { option: self.option(), value: "[redacted]".to_owned(), hint }
    }

    /// A value other than that under another of the option's names.
    pub(super) fn twice(&self, names: &[Name]) -> OptionError {
        let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        let names = match names.split_last() {
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        };
        OptionError::Twice { option: self.option(), value: shown(self.value), names }
    }

    fn read<T>(&self, hint: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, OptionError> {
        read(self.value).ok_or_else(|| self.refused(hint))
    }
}

/// A text, or a number as its text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Decimal(digits) => Some(digits.clone()),
        Value::Float(number) => Some(number.to_string()),
        _ => value.as_str().map(str::to_owned),
    }
}

/// A list of texts; numbers count as their text, as in an `any` option that a client did not convert.
fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_list()?.iter().map(text).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        other => other.kind().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(value: impl Into<Value>, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        read(&Reader::of(&[("x".to_owned(), value.into())].into(), "", "x").unwrap())
    }

    #[test]
    fn what_is_absent_or_nil_is_not_set() {
        assert!(Reader::of(&Map::new(), "", "x").is_none());
        assert!(Reader::of(&[("x".to_owned(), Value::Nil)].into(), "", "x").is_none());
        assert_eq!(read("", |x| x.filled()).unwrap(), None);
        assert_eq!(read("", |x| x.duration()).unwrap(), None);
    }

    #[test]
    fn every_shape_that_clients_send_is_read() {
        assert_eq!(read("a", |x| x.text()).unwrap(), "a");
        assert_eq!(read(Value::Bytes(b"a".to_vec()), |x| x.text()).unwrap(), "a");
        assert!(read("true", |x| x.flag()).unwrap());
        assert!(!read(false, |x| x.flag()).unwrap());
        assert_eq!(read(vec!["a", "b"], |x| x.texts()).unwrap(), ["a", "b"]);
        assert_eq!(read("a", |x| x.text_or_texts()).unwrap(), ["a"]);
        let mixed = Value::List(vec!["a".into(), 1.into()]);
        assert_eq!(read(mixed, |x| x.text_or_texts()).unwrap(), ["a", "1"]);
        assert_eq!(read("7", |x| x.number()).unwrap(), 7);
        assert_eq!(read(Value::Float(7.0), |x| x.number()).unwrap(), 7);
        assert_eq!(read(1024, |x| x.size()).unwrap(), "1024");
        let repeated = vec![Value::from([("a", "1"), ("b", "2")]), Value::from([("a", Value::from(3))])];
        let expected = [("a".to_owned(), "3".to_owned()), ("b".to_owned(), "2".to_owned())].into();
        assert_eq!(read(Value::List(repeated), |x| x.map()).unwrap(), expected);
        assert_eq!(read("1m", |x| x.duration()).unwrap(), Some(Duration::from_secs(60)));
        assert_eq!(read("unix:///a/b", |x| x.host_path()).unwrap(), PathBuf::from("/a/b"));
    }

    #[test]
    fn errors_name_the_option_the_value_and_what_is_accepted() {
        let texts = [
            read(1, |x| x.text()).unwrap_err(),
            read("", |x| x.name()).unwrap_err(),
            read("yes", |x| x.flag()).unwrap_err(),
            read("a", |x| x.texts()).unwrap_err(),
            read(vec![vec!["a"]], |x| x.text_or_texts()).unwrap_err(),
            read("many", |x| x.number()).unwrap_err(),
            read(vec!["a"], |x| x.map()).unwrap_err(),
            read("0s", |x| x.duration()).unwrap_err(),
            read("run/a.sock", |x| x.host_path()).unwrap_err(),
        ]
        .map(|error| error.to_string());
        expect_test::expect![[r#"
            [
                "x = 1: must be a string",
                "x = \"\": must be a string that is not empty",
                "x = \"yes\": must be true or false",
                "x = \"a\": must be a list of strings",
                "x = a list: must be a string or a list of strings",
                "x = \"many\": must be a whole number",
                "x = a list: must be a map of strings",
                "x = \"0s\": must be a duration above zero, such as \"30s\", \"5m\", \"1h30m\" or \"500ms\"",
                "x = \"run/a.sock\": must be an absolute path",
            ]
        "#]]
        .assert_debug_eq(&texts);
    }
}
