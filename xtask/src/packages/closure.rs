//! Which packages bring the shared libraries that some programs need.

use anyhow::Result;

use super::Source;
use crate::process;

const QUIET: [&str; 7] = [
    "--no-recommends",
    "--no-suggests",
    "--no-conflicts",
    "--no-breaks",
    "--no-replaces",
    "--no-enhances",
    "depends",
];

/// The roots and the library packages that they need, directly or not.
///
/// # Errors
/// The package manager does not know one of them.
pub(crate) fn of(source: &Source, roots: &[&str]) -> Result<Vec<String>> {
    let mut found: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
    let mut open = found.clone();
    while !open.is_empty() {
        let said = process::text(source.command("apt-cache")?.args(QUIET).args(&open))?;
        open.clear();
        for library in libraries(&said) {
            if !found.contains(&library) {
                found.push(library.clone());
                open.push(library);
            }
        }
    }
    Ok(found)
}

/// The library packages named by `apt-cache depends`, of alternatives the first.
fn libraries(said: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut settled = false;
    for line in said.lines() {
        let line = line.trim_start();
        let open = line.starts_with('|');
        let named = line.trim_start_matches('|');
        let named = named.strip_prefix("Depends: ").or_else(|| named.strip_prefix("PreDepends: "));
        let Some(name) = named else { continue };
        if !settled && is_library(name) {
            found.push(name.to_owned());
        }
        settled = open;
    }
    found
}

/// Perl's own modules are called libraries as well.
fn is_library(name: &str) -> bool {
    name.starts_with("lib") && !name.ends_with("-perl") && !name.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_alternatives_counts_and_what_is_no_library_does_not() {
        let said = "redis-tools\n PreDepends: libc6\n Depends: adduser\n |Depends: libsystemd0\n \
                    Depends: libelogind0\n Depends: libssl3\n Depends: <perl:any>\n Depends: libfoo-perl\n";
        assert_eq!(libraries(said), ["libc6", "libsystemd0", "libssl3"]);
    }
}
