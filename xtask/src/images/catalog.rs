//! The table of the images that tests find: file, reference and what each is for.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// A finished image archive.
pub(crate) struct Image {
    /// Its short name, and that of its file without `.tar`.
    pub(crate) name: &'static str,
    /// The full reference under which an import stores it.
    pub(crate) reference: String,
    /// What it is for, in a sentence.
    pub(crate) about: &'static str,
    /// The bytes of the archive.
    pub(crate) archive: Vec<u8>,
}

impl Image {
    /// The name of its file.
    pub(crate) fn file(&self) -> String {
        format!("{}.tar", self.name)
    }
}

/// The text of `index.json`: an object from the short name to file, reference and purpose.
///
/// # Errors
/// The text can not be written as JSON.
pub(crate) fn index(images: &[Image]) -> Result<String> {
    let mut table = Map::new();
    for image in images {
        let row = json!({ "file": image.file(), "reference": image.reference, "about": image.about });
        table.insert(image.name.to_owned(), row);
    }
    serde_json::to_string_pretty(&Value::Object(table)).context("can not write the table of the images")
}
