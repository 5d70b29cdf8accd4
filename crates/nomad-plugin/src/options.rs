//! The options of jobs and operators as data: one entry for each, from which the schema, the documentation
//! and the decoder's texts come.

mod auth;
pub mod plugin;
mod reader;
pub mod task;
#[cfg(test)]
mod testing;

use nomad_proto::hclspec::{self, Spec, Type};

pub use reader::OptionError;

/// What an option holds, as a person writes it.
#[derive(Clone, Copy, Debug)]
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
    TextsOrBlocks(&'static [Entry]),
    /// At most one block with these options.
    Block(&'static [Entry]),
    /// Any number of blocks with these options.
    Blocks(&'static [Entry]),
    /// A duration in Go's form, such as `5m`.
    Duration,
    /// An absolute path on the host.
    HostPath,
}

impl Kind {
    /// The type in the schema. Only `any` leaves room for more than one shape.
    fn schema_type(self) -> Type {
        match self {
            Self::Text | Self::Duration | Self::HostPath | Self::Size => Type::String,
            Self::Flag => Type::Bool,
            Self::Number => Type::Number,
            // A block of a job file arrives as a list of one map.
            Self::Map => Type::list(Type::map(Type::String)),
            Self::Texts => Type::list(Type::String),
            // Blocks have a schema of their own instead.
            Self::TextOrTexts | Self::TextsOrBlocks(_) | Self::Block(_) | Self::Blocks(_) => Type::Any,
        }
    }

    /// The type in the documentation.
    fn documented(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Flag => "bool",
            Self::Texts => "list of strings",
            Self::TextOrTexts => "string or list of strings",
            Self::Number => "number",
            Self::Size => "size (`64m`, `1.5g`, or bytes)",
            Self::Map => "map of strings",
            Self::TextsOrBlocks(_) => "list of strings, or blocks",
            Self::Block(_) => "block",
            Self::Blocks(_) => "blocks",
            Self::Duration => "duration (`30s`, `5m`, `1h30m`)",
            Self::HostPath => "path on the host",
        }
    }
}

/// What holds when an option is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It must not be left out.
    Required,
    /// Nothing; the text says what happens then.
    Unset(&'static str),
    /// This value, as HCL text: a string has its quotes.
    Value(&'static str),
}

/// A driver whose job files and configurations an option comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The Go driver of the same name.
    Containerd,
    /// Nomad's Docker driver.
    Docker,
    /// The podman driver.
    Podman,
    /// None: this driver.
    Own,
}

impl Peer {
    /// The name in the documentation.
    fn documented(self) -> &'static str {
        match self {
            Self::Containerd => "Go driver",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Own => "this driver",
        }
    }
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its key.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What holds when it is left out.
    pub default: Default,
    /// Which driver had it first.
    pub since: Peer,
    /// What it does, in one sentence.
    pub effect: &'static str,
}

/// The schema of a table of options.
pub fn schema(table: &[Entry]) -> Spec {
    hclspec::object(table.iter().map(|entry| {
        let required = entry.default == Default::Required;
        let plain = match entry.kind {
            Kind::Block(nested) => hclspec::block(entry.name, required, schema(nested)),
            Kind::Blocks(nested) => hclspec::block_list(entry.name, schema(nested)),
            kind => hclspec::attr(entry.name, &kind.schema_type(), required),
        };
        let spec = match entry.default {
            Default::Value(constant) => hclspec::default(plain, constant),
            Default::Required | Default::Unset(_) => plain,
        };
        (entry.name, spec)
    }))
}

/// A table of options as Markdown: name, type, default, effect, and the driver that had it first.
pub fn markdown(table: &[Entry]) -> String {
    let head = "| option | type | default | effect | since |\n| --- | --- | --- | --- | --- |\n".to_owned();
    head + &rows(table, "")
}

/// The rows of a table; the options of a block follow it, with its name in front of theirs.
fn rows(table: &[Entry], prefix: &str) -> String {
    let row = |entry: &Entry| {
        let default = match entry.default {
            Default::Required => "required".to_owned(),
            Default::Unset(text) => text.to_owned(),
            Default::Value(constant) => format!("`{constant}`"),
        };
        let name = format!("{prefix}{}", entry.name);
        let nested = match entry.kind {
            Kind::TextsOrBlocks(nested) | Kind::Block(nested) | Kind::Blocks(nested) => {
                rows(nested, &format!("{name}."))
            }
            _ => String::new(),
        };
        let (kind, since) = (entry.kind.documented(), entry.since.documented());
        format!("| `{name}` | {kind} | {default} | {} | {since} |\n{nested}", entry.effect)
    };
    table.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_a_row_for_each_option() {
        let table = [
            Entry {
                name: "image",
                kind: Kind::Text,
                default: Default::Required,
                since: Peer::Containerd,
                effect: "What runs.",
            },
            Entry {
                name: "wait",
                kind: Kind::Duration,
                default: Default::Value("\"5m\""),
                since: Peer::Own,
                effect: "How long.",
            },
            Entry {
                name: "cwd",
                kind: Kind::Text,
                default: Default::Unset("the image's"),
                since: Peer::Podman,
                effect: "Where.",
            },
        ];
        expect_test::expect![[r#"
            | option | type | default | effect | since |
            | --- | --- | --- | --- | --- |
            | `image` | string | required | What runs. | Go driver |
            | `wait` | duration (`30s`, `5m`, `1h30m`) | `"5m"` | How long. | this driver |
            | `cwd` | string | the image's | Where. | podman |
        "#]]
        .assert_eq(&markdown(&table));
    }
}
