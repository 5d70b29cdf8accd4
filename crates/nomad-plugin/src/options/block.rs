//! Reading a configuration by a table, and the blocks in it by theirs.

use nomad_proto::cty::{self, Map, Value};

use super::entry::{Default, Entry, Name};
use super::error::OptionError;
use super::reader::Reader;

/// A whole configuration, as clients send it.
pub(super) struct Configuration(Map);

impl Configuration {
    /// Decodes cty msgpack; no bytes are an empty configuration.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        match cty::decode(bytes)? {
            Value::Nil => Ok(Self(Map::new())),
            Value::Map(entries) => Ok(Self(entries)),
            other => Err(OptionError::Shape { found: other.kind() }),
        }
    }

    /// Puts each option of the groups that is set into its place.
    pub(super) fn read<T>(&self, groups: &[&[Entry<T>]], into: &mut T) -> Result<(), OptionError> {
        groups.iter().try_for_each(|table| read(table, &self.0, "", into))
    }
}

/// Puts each option of the table that is set into its place; what is left out stays as it is. Keys that are not in the
/// table are ignored: clients refuse them, and a newer client may send more.
fn read<T>(table: &[Entry<T>], entries: &Map, prefix: &str, into: &mut T) -> Result<(), OptionError> {
    for entry in table {
        if let Some(value) = find(entry.names, entries, prefix)? {
            (entry.read)(&value, into)?;
        } else if let (Default::Required(hint), [(name, _), ..]) = (entry.default, entry.names) {
            return Err(OptionError::Missing { option: format!("{prefix}{name}"), hint });
        }
    }
    Ok(())
}

/// The value of an option under whichever of its names it is set. An empty text under one of several is none.
fn find<'a>(
    names: &'static [Name],
    entries: &'a Map,
    prefix: &'a str,
) -> Result<Option<Reader<'a>>, OptionError> {
    let set: Vec<_> = names.iter().filter_map(|(name, _)| Reader::of(entries, prefix, name)).collect();
    let mut filled = set.iter().filter(|value| !value.is_empty());
    let first = filled.next();
    match filled.find(|other| first.is_some_and(|first| first.value() != other.value())) {
        Some(other) => Err(other.twice(names)),
        None => Ok(first.or(set.first()).copied()),
    }
}

/// An element of a list of both.
pub(super) enum TextOrBlock<T> {
    Text(String),
    Block(T),
}

impl Reader<'_> {
    /// The options of a block. What is no block is told by its kind alone, as there may be secrets in it.
    pub(super) fn block<T>(&self, table: &[Entry<T>], into: &mut T) -> Result<(), OptionError> {
        match self.value().blocks().as_deref() {
            Some([]) => Ok(()),
            Some([block]) => self.nested(table, block, into),
            _ => Err(self.refused_kind("must be one block")),
        }
    }

    /// The options of each of any number of blocks.
    pub(super) fn blocks<T: std::default::Default>(&self, table: &[Entry<T>]) -> Result<Vec<T>, OptionError> {
        let blocks = self.value().blocks().ok_or_else(|| self.refused("must be blocks"))?;
        blocks.into_iter().map(|block| self.one_of(table, block)).collect()
    }

    /// A list of texts and blocks; one alone counts as a list of one.
    pub(super) fn texts_or_blocks<T: std::default::Default>(
        &self,
        table: &[Entry<T>],
    ) -> Result<Vec<TextOrBlock<T>>, OptionError> {
        let items = self.value().as_list().unwrap_or(std::slice::from_ref(self.value()));
        let items = items.iter().filter(|item| !item.is_nil());
        let read = |item: &Value| match (item, item.as_str()) {
            (Value::Map(block), _) => self.one_of(table, block).map(TextOrBlock::Block),
            (_, Some(text)) => Ok(TextOrBlock::Text(text.to_owned())),
            _ => Err(self.refused("must be a list of strings or blocks")),
        };
        items.map(read).collect()
    }

    fn one_of<T: std::default::Default>(&self, table: &[Entry<T>], block: &Map) -> Result<T, OptionError> {
        let mut one = T::default();
        self.nested(table, block, &mut one)?;
        Ok(one)
    }

    fn nested<T>(&self, table: &[Entry<T>], block: &Map, into: &mut T) -> Result<(), OptionError> {
        read(table, block, &format!("{}.", self.option()), into)
    }
}
