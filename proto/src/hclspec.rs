//! Schemas of configuration bodies: how a plugin builds them and how a client applies them.
//!
//! The meaning of each spec is that of HCL's `hcldec`, which clients run over a job's `config` block
//! and over the operator's plugin configuration.

mod convert;
mod cursor;
mod error;
mod evaluate;
mod literal;
mod nearest;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;

use crate::pb::hclspec as pb;
use crate::pb::hclspec::spec::Block as Kind;

pub use convert::{Mismatch, convert};
pub use error::EvaluateError;
pub use evaluate::evaluate;
pub use literal::parse_literal;
pub use nearest::nearest;
pub use pb::Spec;
pub use types::{SyntaxError, Type};

/// One attribute; absent it is nil, unless it is required.
pub fn attr(name: &str, ty: &Type, required: bool) -> Spec {
    wrap(Kind::Attr(pb::Attr { name: name.to_owned(), r#type: ty.to_string(), required }))
}

/// At most one block with contents of its own schema; absent it is nil.
pub fn block(name: &str, required: bool, nested: Spec) -> Spec {
    wrap(Kind::BlockValue(Box::new(pb::Block {
        name: name.to_owned(),
        required,
        nested: Some(Box::new(nested)),
    })))
}

/// Any number of blocks, in their order; absent it is an empty list.
pub fn block_list(name: &str, nested: Spec) -> Spec {
    wrap(Kind::BlockList(Box::new(pb::BlockList {
        name: name.to_owned(),
        min_items: 0,
        max_items: 0,
        nested: Some(Box::new(nested)),
    })))
}

/// A block with free keys and values of one type; absent it is nil.
pub fn block_attrs(name: &str, ty: &Type, required: bool) -> Spec {
    wrap(Kind::BlockAttrs(pb::BlockAttrs { name: name.to_owned(), r#type: ty.to_string(), required }))
}

/// `primary`, or the constant where that is nil. The constant is HCL text: a string has its quotes.
pub fn default(primary: Spec, constant: &str) -> Spec {
    wrap(Kind::Default(Box::new(pb::Default {
        primary: Some(Box::new(primary)),
        default: Some(Box::new(literal(constant))),
    })))
}

/// A constant, as HCL text.
pub fn literal(text: &str) -> Spec {
    wrap(Kind::Literal(pb::Literal { value: text.to_owned() }))
}

/// A map of named results: the schema's root, or the contents of a block.
pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Spec)>) -> Spec {
    let attributes: BTreeMap<String, Spec> =
        attributes.into_iter().map(|(name, spec)| (name.into(), spec)).collect();
    wrap(Kind::Object(pb::Object { attributes }))
}

fn wrap(kind: Kind) -> Spec {
    Spec { block: Some(kind) }
}
