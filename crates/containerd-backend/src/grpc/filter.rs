//! Filters of containerd's listings.

use std::collections::BTreeMap;

/// containerd's filters for all of the labels; none for no label.
pub(crate) fn filters(labels: &BTreeMap<String, String>) -> Vec<String> {
    if labels.is_empty() { Vec::new() } else { vec![filter(labels)] }
}

/// Conditions of one filter must all hold.
fn filter(labels: &BTreeMap<String, String>) -> String {
    let condition = |(name, value): (&String, &String)| format!("labels.{}=={}", quoted(name), quoted(value));
    labels.iter().map(condition).collect::<Vec<_>>().join(",")
}

/// A string as containerd's filters quote it (Go's syntax).
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_filter_names_all_labels() {
        let labels = BTreeMap::from([
            ("org.example/node".to_owned(), "n-1".to_owned()),
            ("org.example/task".to_owned(), r#"say "hi" \o/"#.to_owned()),
        ]);
        expect![[r#"labels."org.example/node"=="n-1",labels."org.example/task"=="say \"hi\" \\o/""#]]
            .assert_eq(&filter(&labels));
    }
}
