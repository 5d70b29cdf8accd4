//! The lines that errors point at.

use std::fmt;
use std::path::PathBuf;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub path: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The line itself, without its end.
    pub text: String,
}

impl Place {
    /// The line with its number, indented, as error messages show it.
    pub fn excerpt(&self) -> String {
        format!("  {} | {}", self.line, self.text)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}
