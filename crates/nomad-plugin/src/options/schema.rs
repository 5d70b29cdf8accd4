//! The schema of a table of options, by which clients check and convert what they send.

use nomad_proto::hclspec::{self, Spec, Type};

use super::entry::{Default, Kind, Name, Row, Table};

/// The schema of a table of options.
pub fn schema(table: &dyn Table) -> Spec {
    let specs = |row: Row| row.names.iter().map(move |name| (name.0, spec(&row, *name)));
    hclspec::object(table.rows().into_iter().flat_map(specs))
}

/// One name of an option. Of several names any may be left out, so that no client may ask for all of them or fill them.
fn spec(row: &Row, (name, _): Name) -> Spec {
    let is_only_name = row.names.len() == 1;
    let required = is_only_name && matches!(row.default, Default::Required(_));
    let spec = match row.kind {
        Kind::Block(nested) => hclspec::block(name, required, schema(nested)),
        Kind::Blocks(nested) => hclspec::block_list(name, schema(nested)),
        kind => hclspec::attr(name, &schema_type(kind), required),
    };
    match row.default {
        Default::Value(constant) if is_only_name => hclspec::default(spec, constant),
        Default::Value(_) | Default::Required(_) | Default::Unset(_) => spec,
    }
}

/// The type of an attribute. Only `any` leaves room for more than one shape.
fn schema_type(kind: Kind) -> Type {
    match kind {
        Kind::Text | Kind::Duration | Kind::HostPath | Kind::Size => Type::String,
        Kind::Flag => Type::Bool,
        Kind::Number => Type::Number,
        // A block of a job file arrives as a list of one map.
        Kind::Map => Type::list(Type::map(Type::String)),
        Kind::Texts => Type::list(Type::String),
        // Blocks have a schema of their own instead.
        Kind::TextOrTexts | Kind::TextsOrBlocks(_) | Kind::Block(_) | Kind::Blocks(_) => Type::Any,
    }
}

#[cfg(test)]
mod tests {
    use nomad_proto::cty::Value;
    use nomad_proto::hclspec::evaluate;

    use super::super::entry::{Entry, Origin};
    use super::*;

    #[test]
    fn an_option_with_several_names_is_neither_asked_for_nor_filled_under_all_of_them() {
        const TABLE: &[Entry<()>] = &[
            Entry {
                names: &[("memory", Origin::Docker), ("mem", Origin::Podman)],
                kind: Kind::Size,
                default: Default::Required("a size"),
                description: "",
                read: |_, ()| Ok(()),
            },
            Entry {
                names: &[("cwd", Origin::GoDriver), ("work_dir", Origin::Docker)],
                kind: Kind::Text,
                default: Default::Value("\"/\""),
                description: "",
                read: |_, ()| Ok(()),
            },
        ];
        let body = Value::from([("mem", "1g"), ("work_dir", "/srv")]);
        let expected = Value::from([
            ("memory", Value::Nil),
            ("mem", "1g".into()),
            ("cwd", Value::Nil),
            ("work_dir", "/srv".into()),
        ]);
        assert_eq!(evaluate(&schema(&TABLE), &body).unwrap(), expected);
    }
}
