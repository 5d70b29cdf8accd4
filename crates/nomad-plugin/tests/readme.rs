//! The option tables in the README are those of the schema.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use nomad_plugin::options::{markdown, plugin, task};

/// Replaces the text between two marks; with UPDATE_EXPECT set the README is rewritten instead of compared.
fn held(name: &str, table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (format!("<!-- {name}: held by a test -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("the README has no {begin:?}"));
    let (told, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the README has no {end:?}"));
    let wanted = format!("\n{table}\n");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return std::fs::write(path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
    }
    assert_eq!(told, wanted, "the README's table of the {name} is old: UPDATE_EXPECT=1 renews it");
}

#[test]
fn the_readme_tells_every_option_as_the_schema_has_it() {
    held("plugin options", &markdown(&plugin::OPTIONS));
    held("task options", &markdown(&task::OPTIONS));
}
