//! `env` and `meta`: blocks of names and texts, also written as maps.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::coerce::{Coerce, shown};
use crate::source::error::{JobFileError, Problem};
use hcl::edit::Span;
use hcl::edit::expr::{Expression, ObjectKey};
use std::collections::BTreeMap;

/// Reads a map and binds each name as soon as it is known, so that later ones may refer to it, if
/// `bind` says so.
pub(super) fn read(
    parent: &Entry<'_>,
    kind: &'static str,
    scope: &mut Scope,
    bind: bool,
) -> Result<BTreeMap<String, String>, JobFileError> {
    let mut texts = BTreeMap::new();
    let mut keep = |name: String, text: String, scope: &mut Scope| {
        if bind {
            scope.bind(&name, text.as_str());
        }
        texts.insert(name, text);
    };
    for attribute in parent.attributes().filter(|attribute| attribute.key.as_str() == kind) {
        match &attribute.value {
            Expression::Object(entries) => {
                for (key, value) in entries.iter() {
                    let name = key_text(parent, scope, key)?;
                    let text = text_of(parent, scope, &name, value.expr())?;
                    keep(name, text, scope);
                }
            }
            other => {
                for (name, value) in map_of(parent, scope, kind, other)? {
                    keep(name, value, scope);
                }
            }
        }
    }
    if let Some(block) = parent.block(kind)? {
        for attribute in block.attributes() {
            let name = attribute.key.as_str().to_owned();
            let text = text_of(&block, scope, &name, &attribute.value)?;
            keep(name, text, scope);
        }
    }
    Ok(texts)
}

fn key_text(entry: &Entry<'_>, scope: &Scope, key: &ObjectKey) -> Result<String, JobFileError> {
    match key {
        ObjectKey::Ident(name) => Ok(name.as_str().to_owned()),
        ObjectKey::Expression(expression) => text_of(entry, scope, "a name", expression),
    }
}

fn text_of(
    entry: &Entry<'_>,
    scope: &Scope,
    name: &str,
    expression: &Expression,
) -> Result<String, JobFileError> {
    let source = entry.reading.source;
    let value = scope.evaluate(source, expression)?;
    let found = shown(&value);
    String::coerce(value).ok_or_else(|| {
        let problem = Problem::Type { name: name.to_owned(), expected: String::EXPECTED, found };
        source.error(expression.span(), problem)
    })
}

fn map_of(
    entry: &Entry<'_>,
    scope: &Scope,
    kind: &str,
    expression: &Expression,
) -> Result<Vec<(String, String)>, JobFileError> {
    let source = entry.reading.source;
    let value = scope.evaluate(source, expression)?;
    let refuse = |found| {
        let problem = Problem::Type { name: kind.to_owned(), expected: "a map of strings", found };
        source.error(expression.span(), problem)
    };
    let hcl::Value::Object(entries) = value else { return Err(refuse(shown(&value))) };
    let texts = entries.into_iter().map(|(name, value)| {
        let found = shown(&value);
        String::coerce(value).map(|text| (name, text)).ok_or_else(|| refuse(found))
    });
    texts.collect()
}
