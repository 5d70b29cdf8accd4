//! The driver's `config` block, in the shapes that a driver expects.
//!
//! A nested block and a literal map become a list of one map, several blocks of one name a list;
//! a map that comes from a variable stays a map.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::coerce::to_cty;
use crate::jobfile::error::JobFileError;
use hcl::edit::expr::Expression;
use hcl::edit::structure::Structure;
use nomad_proto::cty::{Map, Value};

pub(super) fn read(entry: &Entry<'_>, scope: &Scope) -> Result<Value, JobFileError> {
    let mut map = Map::new();
    for structure in entry.structures() {
        match structure {
            Structure::Attribute(attribute) => {
                let value = to_cty(scope.evaluate(entry.reading.source, &attribute.value)?);
                let literal_map = matches!(attribute.value, Expression::Object(_));
                let value = if literal_map { Value::List(vec![value]) } else { value };
                map.insert(attribute.key.as_str().to_owned(), value);
            }
            Structure::Block(block) => {
                let value = read(&entry.entry_of(block), scope)?;
                let slot = map.entry(block.ident.as_str().to_owned()).or_insert(Value::List(Vec::new()));
                match slot {
                    Value::List(items) => items.push(value),
                    other => *other = Value::List(vec![value]),
                }
            }
        }
    }
    Ok(Value::Map(map))
}
