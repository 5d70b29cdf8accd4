//! A table of options as Markdown, for the README.

use super::entry::{Default, Kind, Origin, Row, Table};

/// A table of options as Markdown: name, type, default, effect, and the driver that had it first.
pub fn markdown(table: &dyn Table) -> String {
    let head = "| option | type | default | effect | since |\n| --- | --- | --- | --- | --- |\n".to_owned();
    head + &lines(table, "")
}

/// The lines of a table; `prefix` is the names of the blocks around it, each with a point.
fn lines(table: &dyn Table, prefix: &str) -> String {
    table.rows().iter().map(|row| line(row, prefix)).collect()
}

/// The lines of an option: its own, one for each further name, and those of the options in its block.
fn line(row: &Row, prefix: &str) -> String {
    let Some(((name, origin), others)) = row.names.split_first() else { return String::new() };
    let (kind, since) = (kind(row.kind), self::origin(*origin));
    let default = match row.default {
        Default::Required(_) => "required".to_owned(),
        Default::Unset(text) => text.to_owned(),
        Default::Value(constant) => format!("`{constant}`"),
    };
    let mut lines = format!("| `{prefix}{name}` | {kind} | {default} | {} | {since} |\n", row.description);
    for (other, origin) in others {
        let since = self::origin(*origin);
        lines +=
            &format!("| `{prefix}{other}` | {kind} | `{name}` | {since}'s name of `{name}`. | {since} |\n");
    }
    if let Kind::TextsOrBlocks(nested) | Kind::Block(nested) | Kind::Blocks(nested) = row.kind {
        lines += &self::lines(nested, &format!("{prefix}{name}."));
    }
    lines
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Flag => "bool",
        Kind::Texts => "list of strings",
        Kind::TextOrTexts => "string or list of strings",
        Kind::Number => "number",
        Kind::Size => "size (`64m`, `1.5g`, or bytes)",
        Kind::Map => "map of strings",
        Kind::TextsOrBlocks(_) => "list of strings, or blocks",
        Kind::Block(_) => "block",
        Kind::Blocks(_) => "blocks",
        Kind::Duration => "duration (`30s`, `5m`, `1h30m`)",
        Kind::HostPath => "path on the host",
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::GoDriver => "Go driver",
        Origin::Docker => "docker",
        Origin::Podman => "podman",
        Origin::ThisDriver => "this driver",
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::*;

    #[test]
    fn every_name_of_every_option_has_a_line() {
        const NESTED: &[Entry<()>] = &[Entry {
            names: &[("wait", Origin::ThisDriver)],
            kind: Kind::Duration,
            default: Default::Value("\"5m\""),
            description: "How long.",
            read: |_, ()| Ok(()),
        }];
        const TABLE: &[Entry<()>] = &[
            Entry {
                names: &[("image", Origin::GoDriver)],
                kind: Kind::Text,
                default: Default::Required("a name"),
                description: "What runs.",
                read: |_, ()| Ok(()),
            },
            Entry {
                names: &[("pull", Origin::Docker), ("fetch", Origin::Podman)],
                kind: Kind::Block(&NESTED),
                default: Default::Unset("as below"),
                description: "How it is got.",
                read: |_, ()| Ok(()),
            },
        ];
        expect_test::expect![[r#"
            | option | type | default | effect | since |
            | --- | --- | --- | --- | --- |
            | `image` | string | required | What runs. | Go driver |
            | `pull` | block | as below | How it is got. | docker |
            | `fetch` | block | `pull` | podman's name of `pull`. | podman |
            | `pull.wait` | duration (`30s`, `5m`, `1h30m`) | `"5m"` | How long. | this driver |
        "#]]
        .assert_eq(&markdown(&TABLE));
    }
}
