//! The text of a job file, its syntax tree, and the lines that errors point at.

pub mod error;
mod place;

pub use place::Place;

use crate::source::error::{JobFileError, Problem};
use hcl::edit::structure::Body;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A parsed file. It has no Debug: what is written in it may be secret.
pub struct Source {
    path: PathBuf,
    text: String,
    body: Body,
}

impl Source {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not HCL.
    pub fn read(path: &Path) -> Result<Self, JobFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| JobFileError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, text)
    }

    /// Parses a text that was read from `path`.
    ///
    /// # Errors
    /// The text is not HCL.
    pub fn parse(path: &Path, text: String) -> Result<Self, JobFileError> {
        match hcl::edit::parser::parse_body(&text) {
            Ok(body) => Ok(Self { path: path.to_owned(), text, body }),
            Err(error) => Err(JobFileError::At {
                place: Place {
                    path: path.to_owned(),
                    line: error.location().line(),
                    text: error.line().to_owned(),
                },
                problem: Box::new(Problem::Syntax(error.message().replace('\n', "; "))),
            }),
        }
    }

    /// The top of the syntax tree.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The directory that relative paths in the file start from.
    pub fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// The text between two byte offsets.
    pub fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or("")
    }

    /// The line on which a piece of the text starts; the first line for a piece without a position.
    pub fn place(&self, span: Option<Range<usize>>) -> Place {
        let offset = span.map_or(0, |span| span.start).min(self.text.len());
        let before = self.text.get(..offset).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.get(start..).unwrap_or("").lines().next().unwrap_or("");
        Place {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            text: line.trim_end().to_owned(),
        }
    }

    /// An error at a piece of the text.
    pub fn error(&self, span: Option<Range<usize>>, problem: Problem) -> JobFileError {
        JobFileError::At { place: self.place(span), problem: Box::new(problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_syntax_error_names_file_line_and_the_line_itself() {
        let error = Source::parse(Path::new("a.hcl"), "job \"x\" {\n  type = = 1\n}\n".into()).err().unwrap();
        expect![[r#"
            a.hcl:2: not valid HCL: invalid expression; expected `"`, `[`, `{`, `-`, `!`, `(`, `_`, `<`, letter or digit
              2 |   type = = 1"#]]
        .assert_eq(&error.to_string());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Source::read(Path::new("/nonexistent/job.hcl")).err().unwrap();
        assert_eq!(error.to_string(), "cannot read /nonexistent/job.hcl");
    }

    #[test]
    fn a_place_is_the_line_where_the_piece_starts() {
        let source = Source::parse(Path::new("a.hcl"), "a = 1\nb = 2\n".into()).unwrap();
        let place = source.place(Some(6..7));
        assert_eq!((place.line, place.text.as_str()), (2, "b = 2"));
    }

    #[test]
    fn paths_in_a_file_start_from_its_own_directory() {
        let parse = |path: &str| Source::parse(Path::new(path), String::new()).unwrap();
        assert_eq!(parse("jobs/a.hcl").directory(), Path::new("jobs"));
        assert_eq!(parse("a.hcl").directory(), Path::new("."));
    }
}
