//! Every option of a task is used by a job of the examples.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use nomad_plugin::options::{Kind, Table, task};

/// Options that no job can use: they are known so that their refusal can say what to write instead.
const REFUSED: [&str; 2] = ["volume_options.labels", "volume_options.driver_config"];

/// Two names of one option.
const MOUNTS: [&str; 2] = ["mounts", "mount"];

/// The keys of a job file with those around them, such as `job.group.task.config.mounts.type`.
fn keys(text: &str) -> Vec<String> {
    let mut keys = Vec::new();
    // What is open: its name, and the last key in it.
    let mut open = vec![(String::new(), String::new())];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !word.is_empty() {
                rest = &rest[word.len()..];
                if rest.trim_start().starts_with(['=', '{', '"']) {
                    let names = open.iter().skip(1).map(|(name, _)| name.as_str());
                    keys.push(names.chain([word.as_str()]).collect::<Vec<_>>().join("."));
                    open.last_mut().unwrap().1 = word;
                }
                continue;
            }
            rest = match character {
                '#' => break,
                '"' => rest[1..].split_once('"').map_or("", |(_, after)| after),
                '<' if rest.starts_with("<<-") => {
                    lines.find(|line| line.trim() == rest[3..].trim()).unwrap();
                    break;
                }
                '{' => {
                    let name = open.last().unwrap().1.clone();
                    open.push((name, String::new()));
                    &rest[1..]
                }
                '}' => {
                    open.pop();
                    &rest[1..]
                }
                other => &rest[other.len_utf8()..],
            };
        }
    }
    keys
}

/// The options that the examples use, with the blocks around them.
fn used() -> BTreeSet<String> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = [examples.join("options"), examples].map(|directory| std::fs::read_dir(directory).unwrap());
    let files = files.into_iter().flatten().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap());
    let options = |text: String| {
        keys(&text).into_iter().filter_map(|key| Some(key.strip_prefix("job.group.task.config.")?.to_owned()))
    };
    texts.flat_map(options).collect()
}

/// The options of a table that are not used, with the blocks around them.
fn missing(table: &dyn Table, around: &[&str], used: &BTreeSet<String>) -> Vec<String> {
    let mut all = Vec::new();
    let rows = table.rows().into_iter();
    for (name, kind) in rows.flat_map(|row| row.names.iter().map(move |(name, _)| (*name, row.kind))) {
        let path = [around, &[name]].concat();
        // What is in one of the mounts' two names need not be in the other as well.
        let names = MOUNTS.map(|name| match path.split_first() {
            Some((first, inner)) if MOUNTS.contains(first) && !inner.is_empty() => [&[name], inner].concat(),
            _ => path.clone(),
        });
        if REFUSED.iter().any(|refused| path.join(".").ends_with(refused)) {
            continue;
        }
        if !names.iter().any(|name| used.contains(&name.join("."))) {
            all.push(path.join("."));
        }
        if let Kind::Block(nested) | Kind::Blocks(nested) | Kind::TextsOrBlocks(nested) = kind {
            all.extend(missing(nested, &path, used));
        }
    }
    all
}

#[test]
fn every_option_of_a_task_is_in_an_example() {
    let missing = missing(&task::OPTIONS, &[], &used());
    assert!(missing.is_empty(), "no example uses {missing:?}");
}

#[test]
fn keys_are_read_with_what_is_around_them() {
    let text = r#"
job "a = b" { # c = 1
  args = ["-c", <<-EOT
    d = 1
  EOT
  ]
  mounts = [{ type = "x{" }, { source = 1 }]
  mount {
    options { size = 2 }
  }
}"#;
    let expected = "job job.args job.mounts job.mounts.type job.mounts.source job.mount job.mount.options \
                    job.mount.options.size";
    assert_eq!(keys(text).join(" "), expected);
}
