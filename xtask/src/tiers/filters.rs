//! Whether the texts by which a tier chooses tests still choose one each: a test that was renamed must not fall out of
//! a tier unseen.

use std::path::PathBuf;

use super::agent;
use crate::files;
use crate::tidy::sources;

/// The full names of the end-to-end tests of a suite, read from its source.
fn rust_tests(suite: &str) -> Vec<String> {
    let (directory, mut names) = (format!("tests/{suite}/"), Vec::new());
    for source in sources::all().unwrap() {
        let Some(file) = source.path.strip_prefix(&directory) else { continue };
        let module = file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, _) in lines.iter().enumerate().filter(|(_, line)| **line == "#[test]") {
            let function = lines[number..].iter().find_map(|line| line.strip_prefix("fn "));
            let name = function.and_then(|rest| rest.split_once('(')).unwrap().0;
            names.push(format!("{module}::{name}"));
        }
    }
    names
}

/// Holds that each argument that is no flag is in a test's name.
pub(super) fn choose_tests(suite: &str, arguments: &[&str]) {
    let names = rust_tests(suite);
    for text in arguments.iter().filter(|text| !text.starts_with("--")) {
        assert!(names.iter().any(|name| name.contains(text)), "no test of {suite} is called …{text}…");
    }
}

/// Holds that a package of the Go module has these tests, and cases with these names somewhere in it.
pub(super) fn are_go_tests<'a>(
    package: &str,
    tests: impl Iterator<Item = &'a &'static str>,
    cases: impl Iterator<Item = &'a &'static str>,
) {
    let directory = files::entries(&agent::module().join(package)).unwrap();
    let is_test = |path: &&PathBuf| files::name(path).ends_with("_test.go");
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let source: String = directory.iter().filter(is_test).map(read).collect();
    for test in tests {
        assert!(
            source.contains(&format!("\nfunc {test}(t *testing.T)")),
            "no test of {package} is called {test}"
        );
    }
    for case in cases {
        assert!(source.contains(&format!("{case:?}")), "no case of {package} is called {case}");
    }
}
