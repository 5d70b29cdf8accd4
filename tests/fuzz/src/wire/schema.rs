//! hclspec: schemas of plugins, the types and constants in them, and bodies held against them.

use nomad_plugin::options::{plugin, schema, task};
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::{Spec, Type, convert, evaluate, parse_literal};
use prost::Message;

use super::configuration;
use crate::target::Target;

pub(crate) const SCHEMA: Target = Target {
    name: "schema",
    run: held,
    seeds: || {
        let specs = [schema(&task::OPTIONS), schema(&plugin::OPTIONS)].map(|spec| spec.encode_to_vec());
        let bodies = configuration::seeds(&[configuration::options(), Value::Nil]);
        let both = |spec: &Vec<u8>, body: &Vec<u8>| {
            let length = u16::try_from(spec.len()).unwrap().to_be_bytes();
            [&length[..], spec, body].concat()
        };
        let given = specs.iter().flat_map(|spec| bodies.iter().map(move |body| both(spec, body)));
        given.chain(bodies.iter().map(|body| both(&Vec::new(), body))).collect()
    },
    longest: 16 * 1024,
};

pub(crate) const TYPE: Target = Target {
    name: "type",
    run: text,
    seeds: || {
        let texts = [
            "object({a = list(map(string)), b = tuple([number, any])})",
            "set(bool)",
            r#"["a", {b = -1.5e3, "c": null}, true, "\n"]"#,
            "0.1",
        ];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    },
    longest: 2048,
};

/// A schema, its length in front, and a body behind it; no schema is that of a task. What a body comes to fits the
/// schema, has every key of it, and is no deeper than both.
fn held(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return false };
    let (spec, body) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    let spec = if spec.is_empty() { Ok(schema(&task::OPTIONS)) } else { Spec::decode(spec) };
    let (Ok(spec), Ok(body)) = (spec, cty::decode(body)) else { return false };
    match evaluate(&spec, &body) {
        Ok(value) => {
            assert!(cty::encode(&value).is_ok());
            true
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.len() < 4096 + 16 * bytes.len(), "{} bytes", told.len());
            false
        }
    }
}

/// A type reads back from how it is written; a constant is a value, and of its own kind already.
fn text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let ty = text.parse::<Type>();
    if let Ok(ty) = &ty {
        assert_eq!(ty.to_string().parse().as_ref(), Ok(ty));
        let value = Value::from(vec!["7"]);
        if let Ok(converted) = convert(&value, ty) {
            assert_eq!(convert(&converted, ty), Ok(converted));
        }
    }
    let literal = parse_literal(text);
    if let Ok(value) = &literal {
        assert_eq!(convert(value, &Type::Any).as_ref(), Ok(value));
        assert!(cty::encode(value).is_ok());
    }
    ty.is_ok() || literal.is_ok()
}
