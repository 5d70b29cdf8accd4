//! The images of an archive, by their names.

use std::path::Path;

use super::error::ImportError;
use crate::images::model::Descriptor;
use crate::images::reference::Reference;

/// An image of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) reference: Reference,
    pub(super) root: Descriptor,
}

pub(super) fn parse_name(path: &Path, name: &str) -> Result<Reference, ImportError> {
    Reference::parse(name).map_err(|error| ImportError::Name {
        path: path.to_path_buf(),
        name: name.to_owned(),
        reason: error.to_string(),
    })
}
