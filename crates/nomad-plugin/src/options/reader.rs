//! Reading a decoded configuration option by option, each as what its entry says, with one clear error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use nomad_proto::cty::{self, DecodeError, Map, Value};
use nomad_proto::duration;

/// Why a configuration cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// The bytes are no configuration.
    #[error("the configuration cannot be decoded")]
    Decode(#[from] DecodeError),
    /// The configuration is no map of options.
    #[error("the configuration is {found} instead of a map of options")]
    Shape {
        /// What it is.
        found: &'static str,
    },
    /// An option that must be set is not.
    #[error("{option} is required: {accepted}")]
    Missing {
        /// The option's name.
        option: &'static str,
        /// What it takes.
        accepted: &'static str,
    },
    /// An option with a value that it does not take.
    #[error("{option} = {value}: {accepted}")]
    Value {
        /// The option's name.
        option: &'static str,
        /// The value: texts in quotes, collections by their kind.
        value: String,
        /// What would be accepted.
        accepted: &'static str,
    },
}

/// A configuration that is read option by option. Keys that nobody asks for are ignored: clients refuse
/// them, and a newer client may send more.
#[derive(Debug)]
pub(super) struct Reader {
    entries: Map,
    asked: BTreeSet<&'static str>,
}

impl Reader {
    /// Decodes cty msgpack; no bytes are an empty configuration.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, OptionError> {
        match cty::decode(bytes)? {
            Value::Nil => Ok(Self { entries: Map::new(), asked: BTreeSet::new() }),
            Value::Map(entries) => Ok(Self { entries, asked: BTreeSet::new() }),
            other => Err(OptionError::Shape { found: other.kind() }),
        }
    }

    /// The options of a block, or of one that is left out.
    fn nested(entries: Option<&Map>) -> Self {
        Self { entries: entries.cloned().unwrap_or_default(), asked: BTreeSet::new() }
    }

    /// The options that were asked for.
    #[cfg(test)]
    pub(super) fn asked(&self) -> &BTreeSet<&'static str> {
        &self.asked
    }

    pub(super) fn text(&mut self, option: &'static str) -> Result<Option<String>, OptionError> {
        self.read(option, "a string is accepted", |value| value.as_str().map(str::to_owned))
    }

    /// A text; an empty one is unset, as the Go driver has it and variables of jobs often are.
    pub(super) fn filled(&mut self, option: &'static str) -> Result<Option<String>, OptionError> {
        Ok(self.text(option)?.filter(|text| !text.is_empty()))
    }

    /// A text that must not be empty.
    pub(super) fn name(&mut self, option: &'static str) -> Result<Option<String>, OptionError> {
        let accepted = "a string that is not empty is accepted";
        self.read(option, accepted, |value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    pub(super) fn flag(&mut self, option: &'static str) -> Result<Option<bool>, OptionError> {
        self.read(option, "true or false is accepted", |value| match value.as_str() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => value.as_bool(),
        })
    }

    /// A text, or a number as its text, that no error shows.
    pub(super) fn secret(&mut self, option: &'static str) -> Result<Option<String>, OptionError> {
        match self.read(option, "", |value| Some(text(value)))? {
            Some(None) => Err(self.refused_secret(option, "a string is accepted")),
            Some(text) => Ok(text),
            None => Ok(None),
        }
    }

    /// Whether the option is set to anything.
    pub(super) fn has(&mut self, option: &'static str) -> bool {
        self.asked.insert(option);
        self.entries.get(key(option)).is_some_and(|value| !value.is_nil())
    }

    /// The options of a block, all unset when it is absent. Options within are asked for with its name in front. What is
    /// no block is told by its kind alone, as there may be secrets in it.
    pub(super) fn block(&mut self, option: &'static str) -> Result<Self, OptionError> {
        self.asked.insert(option);
        let value = self.entries.get(key(option)).unwrap_or(&Value::Nil);
        let refused = || {
            let value = value.kind().to_owned();
            OptionError::Value { option, value, accepted: "one block is accepted" }
        };
        match value.blocks().ok_or_else(refused)?.as_slice() {
            [] => Ok(Self::nested(None)),
            [block] => Ok(Self::nested(Some(block))),
            _ => Err(refused()),
        }
    }

    /// The options of each of any number of blocks.
    pub(super) fn blocks(&mut self, option: &'static str) -> Result<Vec<Self>, OptionError> {
        let read = |value: &Value| {
            Some(value.blocks()?.into_iter().map(|block| Self::nested(Some(block))).collect())
        };
        Ok(self.read(option, "blocks are accepted", read)?.unwrap_or_default())
    }

    /// A list of texts and blocks; one alone counts as a list of one.
    pub(super) fn texts_or_blocks(&mut self, option: &'static str) -> Result<Vec<TextOrBlock>, OptionError> {
        let one = |value: &Value| match value {
            Value::Map(entries) => Some(TextOrBlock::Block(Self::nested(Some(entries)))),
            _ => value.as_str().map(|text| TextOrBlock::Text(text.to_owned())),
        };
        let read = |value: &Value| match value.as_list() {
            Some(items) => items.iter().filter(|item| !item.is_nil()).map(one).collect(),
            None => Some(vec![one(value)?]),
        };
        Ok(self.read(option, "a list of strings or blocks is accepted", read)?.unwrap_or_default())
    }

    /// One of a few words; absent it is none of them.
    pub(super) fn word<T: Copy>(
        &mut self,
        option: &'static str,
        accepted: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, OptionError> {
        self.read(option, accepted, |value| {
            words.iter().find(|(word, _)| value.as_str() == Some(word)).map(|(_, meaning)| *meaning)
        })
    }

    /// A list of texts, told apart from one that is absent.
    pub(super) fn texts_if_set(&mut self, option: &'static str) -> Result<Option<Vec<String>>, OptionError> {
        self.read(option, "a list of strings is accepted", texts)
    }

    /// A list of texts; absent it is empty.
    pub(super) fn texts(&mut self, option: &'static str) -> Result<Vec<String>, OptionError> {
        Ok(self.read(option, "a list of strings is accepted", texts)?.unwrap_or_default())
    }

    /// One text or a list of them; absent it is empty.
    pub(super) fn text_or_texts(&mut self, option: &'static str) -> Result<Vec<String>, OptionError> {
        let accepted = "a string or a list of strings is accepted";
        let read = |value: &Value| value.as_str().map(|text| vec![text.to_owned()]).or_else(|| texts(value));
        Ok(self.read(option, accepted, read)?.unwrap_or_default())
    }

    /// A whole number.
    pub(super) fn number(&mut self, option: &'static str) -> Result<Option<i64>, OptionError> {
        self.read(option, "a whole number is accepted", Value::as_i64)
    }

    /// A size as text; a number stands for bytes.
    pub(super) fn size(&mut self, option: &'static str) -> Result<Option<String>, OptionError> {
        self.read(option, "a size, such as \"64m\", or a number of bytes is accepted", text)
    }

    /// Texts by name; absent there are none, and of a repeated block later keys win.
    pub(super) fn map(&mut self, option: &'static str) -> Result<BTreeMap<String, String>, OptionError> {
        let read = |value: &Value| {
            let entries = value.merged_map()?.into_iter();
            entries.map(|(key, value)| Some((key, text(&value)?))).collect()
        };
        Ok(self.read(option, "a map of strings is accepted", read)?.unwrap_or_default())
    }

    /// A duration above zero; an empty text is unset.
    pub(super) fn duration(&mut self, option: &'static str) -> Result<Option<Duration>, OptionError> {
        let accepted = "a duration above zero, such as \"30s\", \"5m\", \"1h30m\" or \"500ms\", is accepted";
        let read = |value: &Value| match value.as_str()? {
            "" => Some(None),
            text => duration::parse(text).ok().filter(|duration| !duration.is_zero()).map(Some),
        };
        Ok(self.read(option, accepted, read)?.flatten())
    }

    /// An absolute path on the host, with or without `unix://`.
    pub(super) fn host_path(&mut self, option: &'static str) -> Result<Option<PathBuf>, OptionError> {
        let accepted = "an absolute path is accepted";
        self.read(option, accepted, |value| {
            let text = value.as_str()?;
            let path = text.strip_prefix("unix://").unwrap_or(text);
            (path.starts_with('/') && !path.contains('\0')).then(|| PathBuf::from(path))
        })
    }

    /// An option whose value can not be taken, beside the others.
    pub(super) fn refused(&self, option: &'static str, accepted: &'static str) -> OptionError {
        let value = shown(self.entries.get(key(option)).unwrap_or(&Value::Nil));
        OptionError::Value { option, value, accepted }
    }

    /// The same without the value.
    pub(super) fn refused_secret(&self, option: &'static str, accepted: &'static str) -> OptionError {
        OptionError::Value { option, value: "[redacted]".to_owned(), accepted }
    }

    fn read<T>(
        &mut self,
        option: &'static str,
        accepted: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, OptionError> {
        self.asked.insert(option);
        let value = self.entries.get(key(option)).unwrap_or(&Value::Nil);
        if value.is_nil() {
            return Ok(None);
        }
        read(value).map(Some).ok_or_else(|| self.refused(option, accepted))
    }
}

/// An element of a list of both.
pub(super) enum TextOrBlock {
    Text(String),
    Block(Reader),
}

/// The key of an option in its own block: what follows the last point of its name.
fn key(option: &str) -> &str {
    option.rsplit('.').next().unwrap_or(option)
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

    fn reader(value: impl Into<Value>) -> Reader {
        Reader::new(&cty::encode(&[("x", value.into())].into()).unwrap()).unwrap()
    }

    #[test]
    fn absent_and_nil_options_are_unset() {
        assert_eq!(reader("").filled("x").unwrap(), None);
        assert_eq!(reader("").duration("x").unwrap(), None);
        for mut reader in [reader(Value::Nil), Reader::new(&[]).unwrap()] {
            assert_eq!(reader.text("x").unwrap(), None);
            assert_eq!(reader.flag("x").unwrap(), None);
            assert_eq!(reader.texts("x").unwrap(), Vec::<String>::new());
            assert_eq!(reader.duration("x").unwrap(), None);
            assert_eq!(reader.number("x").unwrap(), None);
            assert!(reader.map("x").unwrap().is_empty());
        }
    }

    #[test]
    fn every_shape_that_clients_send_is_read() {
        assert_eq!(reader("a").text("x").unwrap().as_deref(), Some("a"));
        assert_eq!(reader(Value::Bytes(b"a".to_vec())).text("x").unwrap().as_deref(), Some("a"));
        assert_eq!(reader("true").flag("x").unwrap(), Some(true));
        assert_eq!(reader(false).flag("x").unwrap(), Some(false));
        assert_eq!(reader(vec!["a", "b"]).texts("x").unwrap(), ["a", "b"]);
        assert_eq!(reader("a").text_or_texts("x").unwrap(), ["a"]);
        assert_eq!(reader(Value::List(vec!["a".into(), 1.into()])).text_or_texts("x").unwrap(), ["a", "1"]);
        assert_eq!(reader("7").number("x").unwrap(), Some(7));
        assert_eq!(reader(Value::Float(7.0)).number("x").unwrap(), Some(7));
        assert_eq!(reader(1024).size("x").unwrap().as_deref(), Some("1024"));
        let repeated = vec![Value::from([("a", "1"), ("b", "2")]), Value::from([("a", Value::from(3))])];
        let expected = [("a".to_owned(), "3".to_owned()), ("b".to_owned(), "2".to_owned())].into();
        assert_eq!(reader(Value::List(repeated)).map("x").unwrap(), expected);
        assert_eq!(reader("1m").duration("x").unwrap(), Some(Duration::from_secs(60)));
        assert_eq!(reader("unix:///a/b").host_path("x").unwrap(), Some(PathBuf::from("/a/b")));
    }

    #[test]
    fn errors_name_the_option_the_value_and_what_is_accepted() {
        let texts = [
            reader(1).text("x").unwrap_err(),
            reader("").name("x").unwrap_err(),
            reader("yes").flag("x").unwrap_err(),
            reader("a").texts("x").unwrap_err(),
            reader(vec![vec!["a"]]).text_or_texts("x").unwrap_err(),
            reader("many").number("x").unwrap_err(),
            reader(vec!["a"]).map("x").unwrap_err(),
            reader("0s").duration("x").unwrap_err(),
            reader("run/a.sock").host_path("x").unwrap_err(),
        ]
        .map(|error| error.to_string());
        expect_test::expect![[r#"
            [
                "x = 1: a string is accepted",
                "x = \"\": a string that is not empty is accepted",
                "x = \"yes\": true or false is accepted",
                "x = \"a\": a list of strings is accepted",
                "x = a list: a string or a list of strings is accepted",
                "x = \"many\": a whole number is accepted",
                "x = a list: a map of strings is accepted",
                "x = \"0s\": a duration above zero, such as \"30s\", \"5m\", \"1h30m\" or \"500ms\", is accepted",
                "x = \"run/a.sock\": an absolute path is accepted",
            ]
        "#]]
        .assert_debug_eq(&texts);
    }

    #[test]
    fn what_is_no_map_of_options_is_refused() {
        let list = cty::encode(&vec!["a"].into()).unwrap();
        assert!(matches!(Reader::new(&list), Err(OptionError::Shape { found: "a list" })));
        assert!(matches!(Reader::new(&[0xc1, 0x00]), Err(OptionError::Decode(_))));
    }
}
