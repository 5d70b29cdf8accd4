//! A row of a table of options.

use super::error::OptionError;
pub use super::origin::{Name, Origin};
use super::reader::Reader;

/// One option, of what is read into a `T`.
pub struct Entry<T> {
    /// Its name, and others that it has as well; a job may set any one of them.
    pub names: &'static [Name],
    /// What it holds.
    pub kind: Kind,
    /// What holds when it is left out.
    pub default: Default,
    /// What it does, in one sentence.
    pub description: &'static str,
    /// Puts what is set into its place. It is not called for what is left out.
    pub(super) read: Read<T>,
}

/// How an option is read.
pub(super) type Read<T> = fn(&Reader<'_>, &mut T) -> Result<(), OptionError>;

/// What an option holds, as a person writes it.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Texts,
    /// One text, or a list of them.
    TextOrTexts,
    /// A whole number.
    Number,
    /// A number of bytes, or a text with a unit.
    Size,
    /// Texts by their names.
    Map,
    /// A list whose elements are texts or blocks with these options.
    TextsOrBlocks(&'static dyn Table),
    /// At most one block with these options.
    Block(&'static dyn Table),
    /// Any number of blocks with these options.
    Blocks(&'static dyn Table),
    /// A duration in Go's form, such as `5m`.
    Duration,
    /// An absolute path on the host.
    HostPath,
}

/// What holds when an option is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It must not be left out; the text says what it takes.
    Required(&'static str),
    /// Nothing; the text says what happens then.
    Unset(&'static str),
    /// This value, as HCL text: a string has its quotes.
    Value(&'static str),
}

/// Options, whatever they are read into.
pub trait Table {
    /// All of them, in the order of the documentation.
    fn rows(&self) -> Vec<Row>;
}

/// An entry as schema and documentation see it.
#[derive(Clone, Copy)]
pub struct Row {
    /// See [`Entry::names`].
    pub names: &'static [Name],
    /// See [`Entry::kind`].
    pub kind: Kind,
    /// See [`Entry::default`].
    pub default: Default,
    /// See [`Entry::description`].
    pub description: &'static str,
}

impl<T> Table for &[Entry<T>] {
    fn rows(&self) -> Vec<Row> {
        let row = |entry: &Entry<T>| {
            let Entry { names, kind, default, description, read: _ } = *entry;
            Row { names, kind, default, description }
        };
        self.iter().map(row).collect()
    }
}

/// Options in groups.
impl<T> Table for &[&[Entry<T>]] {
    fn rows(&self) -> Vec<Row> {
        self.iter().flat_map(Table::rows).collect()
    }
}
