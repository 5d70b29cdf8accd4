//! The driver's `config` block, in the shapes that a driver expects.
//!
//! A nested block and a literal map become a list of one map, several blocks of one name a list;
//! a map that comes from a variable stays a map.

use crate::expr::Scope;
use crate::jobfile::coerce::to_cty;
use crate::source::Source;
use crate::source::error::JobFileError;
use hcl::edit::expr::Expression;
use hcl::edit::structure::{Body, Structure};
use nomad_proto::cty::{Map, Value};

/// The body of a `config` block of a job file or of an agent's configuration.
///
/// # Errors
/// An expression that cannot be evaluated.
pub fn read_config(source: &Source, body: &Body, scope: &Scope) -> Result<Value, JobFileError> {
    let mut map = Map::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let value = to_cty(scope.evaluate(source, &attribute.value)?);
                let literal_map = matches!(attribute.value, Expression::Object(_));
                let value = if literal_map { Value::List(vec![value]) } else { value };
                map.insert(attribute.key.as_str().to_owned(), value);
            }
            Structure::Block(block) => {
                let value = read_config(source, &block.body, scope)?;
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
