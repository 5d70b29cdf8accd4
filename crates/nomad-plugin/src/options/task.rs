//! The options of a task: the `config` block of a job file.

use driver_core::options::TaskOptions;

use super::reader::{OptionError, Reader};
use super::{Default, Entry, Kind};

/// All of them.
pub const OPTIONS: &[Entry] = &[
    Entry {
        name: "image",
        kind: Kind::Text,
        default: Default::Required,
        effect: "The image to run, by name with tag or digest; short names mean Docker Hub.",
    },
    Entry {
        name: "command",
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        effect: "Replaces the image's CMD; the image's ENTRYPOINT stays in front of it.",
    },
    Entry {
        name: "args",
        kind: Kind::Texts,
        default: Default::Unset("none"),
        effect: "Arguments after `command`; without `command` they replace the image's CMD.",
    },
    Entry {
        name: "entrypoint",
        kind: Kind::TextOrTexts,
        default: Default::Unset("the image's"),
        effect: "Replaces the image's ENTRYPOINT and drops its CMD; an empty list counts as unset.",
    },
    Entry {
        name: "cwd",
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        effect: "The working directory in the container; it is made when it is missing.",
    },
    Entry {
        name: "host_network",
        kind: Kind::Flag,
        default: Default::Value("false"),
        effect: "Runs the task in the host's network, with the host's resolv.conf and hosts file.",
    },
];

/// Decodes a task's configuration, cty msgpack as clients send it.
///
/// # Errors
/// [`OptionError`] for the first option that cannot be taken.
pub fn decode(bytes: &[u8]) -> Result<TaskOptions, OptionError> {
    read(&mut Reader::new(bytes)?)
}

fn read(reader: &mut Reader) -> Result<TaskOptions, OptionError> {
    let image = reader.name("image")?;
    let options = TaskOptions {
        image: String::new(),
        command: reader.text("command")?,
        args: reader.texts("args")?,
        entrypoint: reader.text_or_texts("entrypoint")?,
        cwd: reader.text("cwd")?,
        host_network: reader.flag("host_network")?.unwrap_or_default(),
    };
    let accepted = "the name of an image, such as \"redis:7\"";
    let image = image.ok_or(OptionError::Missing { option: "image", accepted })?;
    Ok(TaskOptions { image, ..options })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nomad_proto::cty::{self, Value};
    use nomad_proto::hclspec::evaluate;

    use super::*;
    use crate::options::schema;

    /// What a client makes of the body, decoded.
    fn through_client(body: &Value) -> TaskOptions {
        let config = evaluate(&schema(OPTIONS), body).unwrap();
        decode(&cty::encode(&config).unwrap()).unwrap()
    }

    #[test]
    fn the_schema_and_the_decoder_know_the_same_options() {
        let mut reader = Reader::new(&cty::encode(&[("image", "a")].into()).unwrap()).unwrap();
        read(&mut reader).unwrap();
        let table: BTreeSet<&str> = OPTIONS.iter().map(|entry| entry.name).collect();
        assert_eq!(*reader.asked(), table);
        assert_eq!(OPTIONS.len(), table.len());
    }

    #[test]
    fn a_body_with_the_image_alone_leaves_all_else_unset() {
        let options = through_client(&[("image", "redis:7")].into());
        assert_eq!(options, TaskOptions { image: "redis:7".into(), ..TaskOptions::default() });
    }

    #[test]
    fn every_option_arrives() {
        let body = Value::from([
            ("image", Value::from("redis:7")),
            ("command", "redis-server".into()),
            ("args", Value::List(vec!["--port".into(), 6379.into()])),
            ("entrypoint", "/init".into()),
            ("cwd", "/data".into()),
            ("host_network", true.into()),
        ]);
        let expected = TaskOptions {
            image: "redis:7".into(),
            command: Some("redis-server".into()),
            args: vec!["--port".into(), "6379".into()],
            entrypoint: vec!["/init".into()],
            cwd: Some("/data".into()),
            host_network: true,
        };
        assert_eq!(through_client(&body), expected);
    }

    #[test]
    fn a_missing_or_empty_image_is_refused() {
        expect_test::expect![[r#"image is required: the name of an image, such as "redis:7""#]]
            .assert_eq(&decode(&[]).unwrap_err().to_string());
        let empty = cty::encode(&[("image", "")].into()).unwrap();
        expect_test::expect![[r#"image = "": a string that is not empty is accepted"#]]
            .assert_eq(&decode(&empty).unwrap_err().to_string());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
