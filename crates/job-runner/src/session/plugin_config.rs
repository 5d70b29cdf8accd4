//! The plugin's configuration: a file in the form of the agent's, and `--address` over it.

use crate::expr::Scope;
use crate::jobfile::{JobFileError, Source, read_config};
use crate::session::error::RunError;
use crate::session::options::RunOptions;
use nomad_proto::cty::{Map, Value};

/// The configuration's body, not yet held against the schema.
pub(super) fn read(options: &RunOptions) -> Result<Value, RunError> {
    let mut body = match &options.plugin_config {
        None => Map::new(),
        Some(path) => {
            let source = Source::read(path)?;
            let found = body_of(&source, &options.driver)?;
            found.ok_or_else(|| RunError::PluginConfig(path.clone()))?
        }
    };
    if let Some(address) = &options.address {
        body.insert(options.address_option.clone(), Value::from(address.as_str()));
    }
    Ok(Value::Map(body))
}

/// The options stand at the top of the file, in `config { … }`, or in the agent's
/// `plugin "name" { config { … } }`.
fn body_of(source: &Source, driver: &str) -> Result<Option<Map>, JobFileError> {
    let top = source.body();
    let plugin = top.get_blocks("plugin").find(|block| block.has_labels(&[driver]));
    let around = plugin.map_or(top, |block| &block.body);
    let body = match around.get_blocks("config").next() {
        Some(config) => &config.body,
        None if plugin.is_none() && top.blocks().next().is_none() => top,
        None => return Ok(None),
    };
    match read_config(source, body, &Scope::new(source.directory()))? {
        Value::Map(body) => Ok(Some(body)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn body(text: &str) -> Option<Map> {
        let source = Source::parse(Path::new("plugin.hcl"), text.to_owned()).unwrap();
        body_of(&source, "containerd-driver").unwrap()
    }

    #[test]
    fn options_are_found_in_each_form_of_the_file() {
        let expected = Map::from([("enabled".to_owned(), Value::Bool(true))]);
        for text in [
            "enabled = true\n",
            "config {\n  enabled = true\n}\n",
            "plugin \"other\" {}\nplugin \"containerd-driver\" {\n  config {\n    enabled = true\n  }\n}\n",
        ] {
            assert_eq!(body(text), Some(expected.clone()), "{text}");
        }
    }

    #[test]
    fn a_file_about_something_else_is_refused() {
        assert_eq!(body("server {\n  enabled = true\n}\n"), None);
    }

    #[test]
    fn the_address_overrides_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "containerd_addr = \"/a\"\nsnapshotter = \"native\"\n").unwrap();
        let mut options = RunOptions::new("job.hcl", "/bin/true");
        options.plugin_config = Some(file.path().to_owned());
        options.address = Some("/b".into());
        let expected = Value::from([("containerd_addr", "/b"), ("snapshotter", "native")]);
        assert_eq!(read(&options).unwrap(), expected);
    }
}
