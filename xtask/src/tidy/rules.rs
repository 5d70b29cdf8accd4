//! What every Rust file keeps to, as far as no compiler says it.

use anyhow::{Result, ensure};

use super::sources::{self, Source};

/// The most lines that a file may have.
const LONGEST: usize = 500;

/// The crate that alone may speak to the kernel without the compiler's checks.
const UNSAFE_ROOM: &str = "crates/linux-host/";

/// Programs, whose standard output is for people.
const PROGRAMS: [&str; 2] = ["crates/containerd-driver/", "xtask/"];

/// Words that no file has, and what to do instead. Written in two parts so that this file has none.
const FORBIDDEN: [(&str, &str); 3] = [
    (concat!("TO", "DO"), "do it now, or open an issue"),
    (concat!("FIX", "ME"), "mend it now, or open an issue"),
    (concat!("dbg", "!("), "use tracing"),
];

/// Checks every file.
///
/// # Errors
/// The files can not be read.
pub(crate) fn check() -> Result<Vec<String>> {
    let files = sources::all()?;
    ensure!(!files.is_empty(), "there are no Rust files");
    Ok(files.iter().flat_map(broken).collect())
}

/// The rules that a file breaks.
fn broken(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let Source { path, text } = file;
    if !text.starts_with("//! ") {
        found.push(format!("{path}: the first line is not a `//!` line that says what the file is for"));
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        found.push(format!("{path}: {lines} lines; {LONGEST} are allowed, so split it"));
    }
    let prints = prints(path);
    let mut in_tests = false;
    for (number, line) in (1..).zip(text.lines()) {
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        let why = forbidden(path, line, prints || in_tests);
        found.extend(why.map(|why| format!("{path}:{number}: {why}")));
    }
    found
}

/// Whether the standard output of this code is for people, for cargo or for whoever reads a test.
fn prints(path: &str) -> bool {
    let program = PROGRAMS.iter().any(|room| path.starts_with(room));
    program
        || path.contains("tests/")
        || path.contains("benches/")
        || ["build.rs", "tests.rs", "testing.rs"].iter().any(|end| path.ends_with(end))
}

fn forbidden(path: &str, line: &str, prints: bool) -> Option<String> {
    if let Some((word, instead)) = FORBIDDEN.iter().find(|(word, _)| line.contains(word)) {
        return Some(format!("`{word}`: {instead}"));
    }
    let code = line.split("//").next().unwrap_or_default();
    if !prints && code.contains(concat!("print", "ln!(")) {
        return Some("a library prints nothing: use tracing, or give the text to the caller".to_owned());
    }
    let mut words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    if !path.starts_with(UNSAFE_ROOM) && words.any(|word| word == concat!("un", "safe")) {
        return Some(format!("code without the compiler's checks belongs in {UNSAFE_ROOM}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &str) {
        let file = Source { path: path.to_owned(), text: text.to_owned() };
        assert_eq!(broken(&file).join("\n"), expected);
    }

    #[test]
    fn a_file_says_first_what_it_is_for() {
        let said = "a/b.rs: the first line is not a `//!` line that says what the file is for";
        check("a/b.rs", "use std::fmt;\n", said);
        check("a/b.rs", "//! What it is for.\n", "");
    }

    #[test]
    fn a_file_is_not_longer_than_allowed() {
        let text = format!("//! Long.\n{}", "\n".repeat(500));
        check("a/b.rs", &text, "a/b.rs: 501 lines; 500 are allowed, so split it");
    }

    #[test]
    fn only_programs_print() {
        let text = concat!("//! X.\nprint", "ln!(\"x\");\n");
        let said =
            "crates/x/src/lib.rs:2: a library prints nothing: use tracing, or give the text to the caller";
        check("crates/x/src/lib.rs", text, said);
        check("xtask/src/main.rs", text, "");
        check("crates/x/build.rs", text, "");
        let tests = concat!("//! X.\n#[cfg(test)]\nprint", "ln!(\"x\");\n");
        check("crates/x/src/lib.rs", tests, "");
    }

    #[test]
    fn the_kernels_room_alone_goes_without_checks() {
        let text = concat!("//! X.\nun", "safe { call() }\nlet un", "safe_code = 1;\n");
        let said = "crates/x/src/lib.rs:2: code without the compiler's checks belongs in crates/linux-host/";
        check("crates/x/src/lib.rs", text, said);
        check("crates/linux-host/src/x.rs", text, "");
    }

    #[test]
    fn unfinished_work_is_found_in_comments_too() {
        let text = concat!("//! X.\n// TO", "DO later\n");
        let found = broken(&Source { path: "a.rs".to_owned(), text: text.to_owned() });
        assert_eq!(found, [concat!("a.rs:2: `TO", "DO`: do it now, or open an issue")]);
    }
}
