//! What a client makes of a configuration body by a plugin's schema.

use std::collections::BTreeSet;

use super::convert::convert;
use super::error::EvaluateError;
use super::literal::parse_literal;
use super::nearest::nearest;
use super::types::Type;
use crate::cty::{Map, Value};
use crate::pb::hclspec::spec::Block as Kind;
use crate::pb::hclspec::{BlockMap, Spec};

/// How deep blocks may nest.
const MAX_DEPTH: usize = 32;

/// The complete configuration: every key of the schema, defaults filled in, values of their types.
///
/// Blocks arrive as a map or a list of maps, attributes as any value; an absent body counts as empty.
///
/// # Errors
/// [`EvaluateError`] for the first key that does not fit.
pub fn evaluate(spec: &Spec, body: &Value) -> Result<Value, EvaluateError> {
    let empty = Map::new();
    let entries = match body {
        Value::Nil => &empty,
        Value::Map(entries) => entries,
        other => return Err(EvaluateError::NoBlock { key: String::new(), found: other.kind().to_owned() }),
    };
    Scope { prefix: String::new(), depth: MAX_DEPTH }.body(spec, entries)
}

/// Where in the body an evaluation is.
struct Scope {
    prefix: String,
    depth: usize,
}

impl Scope {
    /// Evaluates the contents of the root or of one block: unknown keys first.
    fn body(&self, spec: &Spec, entries: &Map) -> Result<Value, EvaluateError> {
        let mut known = BTreeSet::new();
        self.names(spec, "", &mut known, self.depth)?;
        if let Some(key) = entries.keys().find(|key| !known.contains(key.as_str())) {
            let hint = match nearest(key, known.iter().copied()) {
                Some(name) => format!("did you mean {name:?}?"),
                None => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
            };
            return Err(EvaluateError::UnknownKey { key: self.path(key), hint });
        }
        self.spec(spec, "", entries)
    }

    /// Collects the keys that a body of this spec may have.
    fn names<'a>(
        &self,
        spec: &'a Spec,
        implied: &'a str,
        known: &mut BTreeSet<&'a str>,
        depth: usize,
    ) -> Result<(), EvaluateError> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.broken(implied, "nested too deep"))?;
        let name = match &spec.block {
            Some(Kind::Object(object)) => {
                return object
                    .attributes
                    .iter()
                    .try_for_each(|(name, spec)| self.names(spec, name, known, depth));
            }
            Some(Kind::Array(array)) => {
                return array.values.iter().try_for_each(|spec| self.names(spec, "", known, depth));
            }
            Some(Kind::Default(both)) => {
                let parts = [&both.primary, &both.default];
                return parts
                    .into_iter()
                    .flatten()
                    .try_for_each(|spec| self.names(spec, implied, known, depth));
            }
            Some(Kind::Literal(_)) | None => return Ok(()),
            Some(Kind::Attr(attr)) => &attr.name,
            Some(Kind::BlockValue(block)) => &block.name,
            Some(Kind::BlockAttrs(block)) => &block.name,
            Some(Kind::BlockList(block)) => &block.name,
            Some(Kind::BlockSet(block)) => &block.name,
            Some(Kind::BlockMap(block)) => &block.name,
        };
        known.insert(or(name, implied));
        Ok(())
    }

    fn spec(&self, spec: &Spec, implied: &str, entries: &Map) -> Result<Value, EvaluateError> {
        let broken = |reason| self.broken(implied, reason);
        match spec.block.as_ref().ok_or_else(|| broken("an empty spec"))? {
            Kind::Object(object) => {
                let values = object.attributes.iter().map(|(name, spec)| {
                    let value = self.spec(spec, name, entries)?;
                    Ok((name.clone(), value))
                });
                values.collect::<Result<Map, _>>().map(Value::Map)
            }
            Kind::Array(array) => array
                .values
                .iter()
                .map(|spec| self.spec(spec, "", entries))
                .collect::<Result<_, _>>()
                .map(Value::List),
            Kind::Attr(attr) => self.attr(or(&attr.name, implied), &attr.r#type, attr.required, entries),
            Kind::Literal(literal) => parse_literal(&literal.value)
                .map_err(|source| EvaluateError::SchemaText { key: self.path(implied), source }),
            Kind::Default(both) => {
                let primary =
                    both.primary.as_ref().ok_or_else(|| broken("a default without its first spec"))?;
                let fallback =
                    both.default.as_ref().ok_or_else(|| broken("a default without its second spec"))?;
                match self.spec(primary, implied, entries)? {
                    Value::Nil => self.spec(fallback, implied, entries),
                    value => Ok(value),
                }
            }
            Kind::BlockValue(block) => {
                let name = or(&block.name, implied);
                let max = self.blocks(name, entries, u64::from(block.required), 1)?;
                let nested = self.nested(name, block.nested.as_deref())?;
                max.first().map_or(Ok(Value::Nil), |entries| self.inside(name).body(nested, entries))
            }
            Kind::BlockAttrs(block) => {
                let name = or(&block.name, implied);
                let found = self.blocks(name, entries, u64::from(block.required), 1)?;
                let ty = Type::Map(Box::new(self.ty(name, &block.r#type)?));
                let found = found.first().map_or(Value::Nil, |entries| Value::Map((*entries).clone()));
                self.converted(name, &found, &ty)
            }
            Kind::BlockList(block) => {
                let name = or(&block.name, implied);
                let found = self.blocks(name, entries, block.min_items, block.max_items)?;
                self.list(name, &found, block.nested.as_deref()).map(Value::List)
            }
            Kind::BlockSet(block) => {
                let name = or(&block.name, implied);
                let found = self.blocks(name, entries, block.min_items, block.max_items)?;
                let mut set: Vec<Value> = Vec::new();
                for value in self.list(name, &found, block.nested.as_deref())? {
                    if !set.contains(&value) {
                        set.push(value);
                    }
                }
                Ok(Value::List(set))
            }
            Kind::BlockMap(block) => self.labelled(block, or(&block.name, implied), entries),
        }
    }

    fn attr(&self, name: &str, ty: &str, required: bool, entries: &Map) -> Result<Value, EvaluateError> {
        let ty = self.ty(name, ty)?;
        match entries.get(name) {
            Some(value) => self.converted(name, value, &ty),
            None if required => Err(EvaluateError::Missing { key: self.path(name) }),
            None => Ok(Value::Nil),
        }
    }

    fn list(&self, name: &str, found: &[&Map], nested: Option<&Spec>) -> Result<Vec<Value>, EvaluateError> {
        let nested = self.nested(name, nested)?;
        let scope = |index| self.inside(&format!("{name}[{index}]"));
        found.iter().enumerate().map(|(index, entries)| scope(index).body(nested, entries)).collect()
    }

    /// Labelled blocks: each label is one level of maps above the block's contents.
    fn labelled(&self, block: &BlockMap, name: &str, entries: &Map) -> Result<Value, EvaluateError> {
        let nested = self.nested(name, block.nested.as_deref())?;
        let mut result = Map::new();
        for found in self.blocks(name, entries, 0, 0)? {
            self.level(name, found, block.labels.len(), nested, &mut result)?;
        }
        Ok(Value::Map(result))
    }

    fn level(
        &self,
        name: &str,
        found: &Map,
        labels: usize,
        nested: &Spec,
        result: &mut Map,
    ) -> Result<(), EvaluateError> {
        for label in found.keys() {
            let path = format!("{name}.{label}");
            for inner in self.inside(name).blocks(label, found, 0, 0)? {
                if labels <= 1 {
                    let value = self.inside(&path).body(nested, inner)?;
                    if result.insert(label.clone(), value).is_some() {
                        return Err(self.count(&path, 2, "at most once"));
                    }
                } else if let Value::Map(below) =
                    result.entry(label.clone()).or_insert_with(|| Value::Map(Map::new()))
                {
                    self.level(&path, inner, labels - 1, nested, below)?;
                }
            }
        }
        Ok(())
    }

    /// The blocks of a name, their number within the bounds; a bound of 0 is none.
    fn blocks<'a>(
        &self,
        name: &str,
        entries: &'a Map,
        min: u64,
        max: u64,
    ) -> Result<Vec<&'a Map>, EvaluateError> {
        let value = entries.get(name).unwrap_or(&Value::Nil);
        let found = value
            .blocks()
            .ok_or_else(|| EvaluateError::NoBlock { key: self.path(name), found: value.kind().to_owned() })?;
        let number = found.len() as u64;
        match (min, max) {
            (1, _) if number == 0 => Err(EvaluateError::Missing { key: self.path(name) }),
            (_, 1) if number > 1 => Err(self.count(name, found.len(), "at most once")),
            _ if number < min => Err(self.count(name, found.len(), &format!("at least {min} times"))),
            _ if max > 0 && number > max => {
                Err(self.count(name, found.len(), &format!("at most {max} times")))
            }
            _ => Ok(found),
        }
    }

    fn converted(&self, name: &str, value: &Value, ty: &Type) -> Result<Value, EvaluateError> {
        convert(value, ty).map_err(|mismatch| EvaluateError::Type { key: self.path(name), mismatch })
    }

    fn ty(&self, name: &str, text: &str) -> Result<Type, EvaluateError> {
        text.parse().map_err(|source| EvaluateError::SchemaText { key: self.path(name), source })
    }

    fn nested<'a>(&self, name: &str, spec: Option<&'a Spec>) -> Result<&'a Spec, EvaluateError> {
        let reason = if self.depth == 0 { "nested too deep" } else { "a block without contents" };
        spec.filter(|_| self.depth > 0).ok_or_else(|| self.broken(name, reason))
    }

    fn inside(&self, name: &str) -> Self {
        Self { prefix: format!("{}.", self.path(name)), depth: self.depth.saturating_sub(1) }
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn broken(&self, name: &str, reason: &'static str) -> EvaluateError {
        EvaluateError::Schema { key: self.path(name), reason }
    }

    fn count(&self, name: &str, found: usize, expected: &str) -> EvaluateError {
        EvaluateError::Count { key: self.path(name), found, expected: expected.to_owned() }
    }
}

fn or<'a>(name: &'a str, implied: &'a str) -> &'a str {
    if name.is_empty() { implied } else { name }
}
