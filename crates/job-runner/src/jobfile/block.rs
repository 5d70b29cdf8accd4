//! One block of a job file while it is read.

use crate::expr::{Scope, suggestion};
use crate::jobfile::coerce::{Coerce, shown};
use crate::jobfile::vocabulary::Vocabulary;
use crate::source::error::{JobFileError, Problem, Warning};
use crate::source::{Place, Source};
use hcl::Value;
use hcl::edit::Span;
use hcl::edit::structure::{Attribute, Block, BlockLabel, Body, Structure};
use std::cell::RefCell;
use std::ops::Range;

/// The file that is read, and what was left out so far.
pub(super) struct Reading<'a> {
    pub(super) source: &'a Source,
    warnings: RefCell<Vec<Warning>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, warnings: RefCell::new(Vec::new()) }
    }

    pub(super) fn warn(&self, span: Option<Range<usize>>, text: String) {
        self.warnings.borrow_mut().push(Warning { place: self.source.place(span), text });
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings.into_inner()
    }
}

/// A block, or the whole file.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    pub(super) reading: &'a Reading<'a>,
    body: &'a Body,
    /// What errors call it, such as "task `web`".
    pub(super) title: String,
    /// Its label, or empty.
    pub(super) label: String,
    pub(super) span: Option<Range<usize>>,
}

impl<'a> Entry<'a> {
    pub(super) fn file(reading: &'a Reading<'a>) -> Self {
        Self {
            reading,
            body: reading.source.body(),
            title: "the file".into(),
            label: String::new(),
            span: None,
        }
    }

    fn of(reading: &'a Reading<'a>, block: &'a Block) -> Self {
        let label = block.labels.first().map(BlockLabel::as_str).unwrap_or_default().to_owned();
        let title = match label.as_str() {
            "" => format!("the `{}` block", block.ident.as_str()),
            label => format!("{} `{label}`", block.ident.as_str()),
        };
        Self { reading, body: &block.body, title, label, span: block.ident.span() }
    }

    pub(super) fn place(&self) -> Place {
        self.reading.source.place(self.span.clone())
    }

    /// An error at the block's first line.
    pub(super) fn error(&self, problem: Problem) -> JobFileError {
        self.reading.source.error(self.span.clone(), problem)
    }

    pub(super) fn missing(&self, name: &str) -> JobFileError {
        self.error(Problem::Missing { name: name.to_owned(), within: self.title.clone() })
    }

    /// Jobs, groups, tasks, variables and ports have a name.
    pub(super) fn require_label(&self) -> Result<(), JobFileError> {
        if self.label.is_empty() { Err(self.missing("name")) } else { Ok(()) }
    }

    /// Refuses what the vocabulary does not have and warns of what is left out.
    pub(super) fn check(&self, words: &Vocabulary) -> Result<(), JobFileError> {
        for structure in self.body {
            let (name, span, what) = match structure {
                Structure::Attribute(attribute) => (attribute.key.as_str(), attribute.key.span(), "option"),
                Structure::Block(block) => (block.ident.as_str(), block.ident.span(), "block"),
            };
            let is_block = what == "block";
            if let Some((_, reason)) = words.refused.iter().find(|(refused, _)| *refused == name) {
                let problem = Problem::Unsupported { name: name.to_owned(), reason: (*reason).to_owned() };
                return Err(self.reading.source.error(span, problem));
            }
            if let Some((_, reason)) = words.warned.iter().find(|(warned, _)| *warned == name) {
                self.reading.warn(span, format!("`{name}` is left out: {reason}"));
            } else if is_block && words.attributes.contains(&name) {
                return Err(self.shape(name, span, "a value, `name = …`", "a block"));
            } else if !is_block && words.blocks.contains(&name) {
                return Err(self.shape(name, span, "a block, `name { … }`", "a value"));
            } else if ![words.attributes, words.blocks, words.maps, words.silent].concat().contains(&name) {
                let known = [words.attributes, words.blocks, words.maps].concat();
                let hint = suggestion(name, known);
                let problem =
                    Problem::Unknown { what, name: name.to_owned(), within: self.title.clone(), hint };
                return Err(self.reading.source.error(span, problem));
            }
        }
        Ok(())
    }

    fn shape(
        &self,
        name: &str,
        span: Option<Range<usize>>,
        expected: &'static str,
        found: &str,
    ) -> JobFileError {
        let problem = Problem::Type { name: name.to_owned(), expected, found: found.to_owned() };
        self.reading.source.error(span, problem)
    }

    fn attribute(&self, name: &str) -> Option<&'a Attribute> {
        self.body.get_attribute(name)
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = &'a Attribute> {
        self.body.attributes()
    }

    pub(super) fn body(&self) -> &'a Body {
        self.body
    }

    /// Where an attribute's value is, or the block itself.
    pub(super) fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.attribute(name).and_then(|attribute| attribute.span()).or_else(|| self.span.clone())
    }

    /// The value of an attribute; null counts as absent.
    pub(super) fn value(&self, scope: &Scope, name: &str) -> Result<Option<Value>, JobFileError> {
        match self.attribute(name) {
            None => Ok(None),
            Some(attribute) => match scope.evaluate(self.reading.source, &attribute.value)? {
                Value::Null => Ok(None),
                value => Ok(Some(value)),
            },
        }
    }

    /// An attribute as the type that the caller takes.
    pub(super) fn get<T: Coerce>(&self, scope: &Scope, name: &str) -> Result<Option<T>, JobFileError> {
        let Some(value) = self.value(scope, name)? else { return Ok(None) };
        let found = shown(&value);
        match T::coerce(value) {
            Some(value) => Ok(Some(value)),
            None => {
                let problem = Problem::Type { name: name.to_owned(), expected: T::EXPECTED, found };
                Err(self.reading.source.error(self.span_of(name), problem))
            }
        }
    }

    /// The same for an attribute that must be there.
    pub(super) fn require<T: Coerce>(&self, scope: &Scope, name: &str) -> Result<T, JobFileError> {
        self.get(scope, name)?.ok_or_else(|| self.missing(name))
    }

    /// A value that is not accepted.
    pub(super) fn refuse(
        &self,
        name: &str,
        value: impl ToString,
        accepted: impl Into<String>,
    ) -> JobFileError {
        let problem =
            Problem::Value { name: name.to_owned(), value: value.to_string(), accepted: accepted.into() };
        self.reading.source.error(self.span_of(name), problem)
    }

    /// The blocks of a kind, in the order of the file.
    pub(super) fn blocks(&self, kind: &'a str) -> Vec<Entry<'a>> {
        self.body.get_blocks(kind).map(|block| Entry::of(self.reading, block)).collect()
    }

    /// The one block of a kind.
    pub(super) fn block(&self, kind: &'a str) -> Result<Option<Entry<'a>>, JobFileError> {
        let mut blocks = self.blocks(kind).into_iter();
        let first = blocks.next();
        match blocks.next() {
            Some(second) => {
                Err(second.error(Problem::Repeated { name: kind.to_owned(), within: self.title.clone() }))
            }
            None => Ok(first),
        }
    }
}
