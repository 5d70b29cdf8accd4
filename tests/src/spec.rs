//! An OCI spec as a list of fields, so that two can be compared.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every field by its path and what it has: the entries of a list by what they are about, in no order where the order
/// says nothing.
pub fn fields(spec: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect("", spec, &mut found);
    found
}

fn collect(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, value, found);
            }
        }
        // Their order is their meaning.
        Value::Array(_) if ["process.args", "process.user.additionalGids"].contains(&path) => {
            found.insert(path.to_owned(), value.to_string());
        }
        Value::Array(entries) => {
            for (place, entry) in entries.iter().enumerate() {
                let (name, value) = entry_of(path, place, entry);
                let earlier = found.insert(format!("{path} {name}"), value);
                assert_eq!(earlier, None, "{path} has {name} twice");
            }
        }
        Value::String(text) => drop(found.insert(path.to_owned(), text.clone())),
        other => drop(found.insert(path.to_owned(), other.to_string())),
    }
}

/// What an entry of a list is about, and what it says of it.
fn entry_of(path: &str, place: usize, entry: &Value) -> (String, String) {
    let word = |name: &str| text(&entry[name]);
    match path {
        "mounts" => {
            let options: Vec<String> = entry["options"].as_array().into_iter().flatten().map(text).collect();
            (word("destination"), format!("{} {} {}", word("type"), word("source"), options.join(",")))
        }
        "process.env" => {
            let (name, value) = entry.as_str().and_then(|text| text.split_once('=')).unwrap();
            (name.to_owned(), value.to_owned())
        }
        "process.rlimits" => (word("type"), format!("{}:{}", word("soft"), word("hard"))),
        "linux.namespaces" => (word("type"), entry.get("path").map_or_else(|| "new".to_owned(), text)),
        "linux.resources.devices" => device(place, entry),
        _ => (text(entry), "listed".to_owned()),
    }
}

/// What denies only does so to what no later rule allows: its place says what it means.
fn device(place: usize, rule: &Value) -> (String, String) {
    let part = |name: &str| rule.get(name).map_or_else(|| "*".to_owned(), text);
    let numbers = format!("{} {}:{}", part("type"), part("major"), part("minor"));
    let access = text(&rule["access"]);
    match rule["allow"].as_bool() {
        Some(true) => (format!("{numbers} {access}"), "allowed".to_owned()),
        _ => (format!("{place}"), format!("{numbers} {access} denied")),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn entries_are_named_by_what_they_are_about() {
        let spec = json!({
            "ociVersion": "1.0.2",
            "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "ro"] }],
            "process": {
                "args": ["b", "a"],
                "capabilities": { "bounding": ["CAP_KILL"] },
                "env": ["A=b=c"],
                "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 1, "hard": 2 }],
            },
            "linux": {
                "namespaces": [{ "type": "pid" }, { "type": "network", "path": "/n" }],
                "resources": { "devices": [
                    { "allow": false, "access": "rwm" },
                    { "allow": true, "type": "c", "major": 136, "access": "rwm" },
                ] },
            },
        });
        let told: Vec<String> =
            fields(&spec).iter().map(|(field, value)| format!("{field}: {value}")).collect();
        expect_test::expect![[r#"
            linux.namespaces network: /n
            linux.namespaces pid: new
            linux.resources.devices 0: * *:* rwm denied
            linux.resources.devices c 136:* rwm: allowed
            mounts /proc: proc proc nosuid,ro
            ociVersion: 1.0.2
            process.args: ["b","a"]
            process.capabilities.bounding CAP_KILL: listed
            process.env A: b=c
            process.rlimits RLIMIT_NOFILE: 1:2"#]]
        .assert_eq(&told.join("\n"));
    }
}
