//! What this machine can say about itself under the names of Nomad's node attributes.

use crate::expr::Scope;
use hcl::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// `node.unique.id`.
    pub id: String,
    /// `node.unique.name`.
    pub name: String,
    /// `attr.…`, by the part after the first point.
    pub attributes: BTreeMap<String, String>,
}

impl NodeFacts {
    /// This machine, under the given node id.
    pub fn local(id: String) -> Self {
        let uname = rustix::system::uname();
        let name = uname.nodename().to_string_lossy().into_owned();
        let machine = uname.machine().to_string_lossy().into_owned();
        let mut attributes = BTreeMap::new();
        let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value);
        set("kernel.name", uname.sysname().to_string_lossy().to_lowercase());
        set("kernel.version", uname.release().to_string_lossy().into_owned());
        set("kernel.arch", machine.clone());
        set("arch", machine.clone());
        set("cpu.arch", go_architecture(&machine).to_owned());
        if let Ok(cores) = std::thread::available_parallelism() {
            set("cpu.numcores", cores.to_string());
        }
        set("cpu.totalcompute", nomad_host::driver::total_compute_mhz().to_string());
        set("unique.hostname", name.clone());
        set("unique.network.ip-address", "127.0.0.1".to_owned());
        for (attribute, key) in [("os.name", "ID"), ("os.version", "VERSION_ID")] {
            if let Some(value) = os_release(Path::new("/etc/os-release"), key) {
                set(attribute, value);
            }
        }
        Self { id, name, attributes }
    }

    /// Binds `node` and `attr`.
    pub(super) fn bind(&self, scope: &mut Scope, datacenter: &str, region: &str) {
        let mut attributes = Map::new();
        for (path, value) in &self.attributes {
            insert(&mut attributes, path, value);
        }
        let mut node = Map::new();
        for (path, value) in [
            ("unique.id", self.id.as_str()),
            ("unique.name", &self.name),
            ("datacenter", datacenter),
            ("region", region),
            ("class", ""),
            ("pool", "default"),
        ] {
            insert(&mut node, path, value);
        }
        scope.bind("attr", Value::Object(attributes));
        scope.bind("node", Value::Object(node));
    }
}

/// Puts a value under a path of names. A name that is also a value keeps the value.
fn insert(map: &mut Map<String, Value>, path: &str, value: &str) {
    match path.split_once('.') {
        None => {
            map.insert(path.to_owned(), Value::from(value));
        }
        Some((first, rest)) => {
            let inner = map.entry(first.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn go_architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// One value of os-release(5).
fn os_release(path: &Path, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name == key).then(|| value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_nested_maps() {
        let mut map = Map::new();
        insert(&mut map, "kernel.name", "linux");
        insert(&mut map, "kernel.arch", "x86_64");
        let text = serde_json::to_string(&Value::Object(map)).unwrap();
        assert_eq!(text, r#"{"kernel":{"name":"linux","arch":"x86_64"}}"#);
    }

    #[test]
    fn this_machine_knows_its_kernel_and_name() {
        let node = NodeFacts::local("id".into());
        assert_eq!(node.attributes["kernel.name"], "linux");
        assert_eq!(node.attributes["unique.hostname"], node.name);
    }

    #[test]
    fn a_value_of_os_release_loses_its_quotes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "NAME=x\nVERSION_ID=\"12\"\n").unwrap();
        assert_eq!(os_release(file.path(), "VERSION_ID"), Some("12".into()));
    }
}
