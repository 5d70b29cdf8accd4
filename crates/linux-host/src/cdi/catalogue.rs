//! The specification files of a host, and the one that has a device.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::Document;
use super::{CdiError, Name};
use crate::document;

/// How many devices an error lists.
const LISTED: usize = 16;
/// The largest specification, in bytes; generators write some hundred KiB for a machine full of devices.
const FILE_MAX: u64 = 4 * 1024 * 1024;
/// The most specifications of a directory; there is one for each vendor and class.
const FILES_MAX: usize = 1024;

/// All specification files of a host, those of the first directory first.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// With the place of its directory.
    documents: Vec<(usize, PathBuf, Document)>,
    broken: Vec<Broken>,
}

/// A file that cannot be used.
#[derive(Debug)]
struct Broken {
    path: PathBuf,
    /// The kind that it describes, as far as that can be told.
    kind: Option<String>,
    reason: String,
}

/// What can be told of a file that has more than is known here.
#[derive(Deserialize)]
struct Head {
    kind: String,
}

impl Catalogue {
    /// Reads the directories; one that is not there is empty, and a file that cannot be used only counts when a
    /// device could have been in it.
    #[must_use]
    pub fn read(directories: &[&Path]) -> Self {
        let mut catalogue = Self::default();
        for (place, directory) in directories.iter().enumerate() {
            match files(directory) {
                Ok(files) => files.into_iter().for_each(|file| catalogue.add(place, file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => catalogue.broken.push(Broken {
                    path: directory.to_path_buf(),
                    kind: None,
                    reason: error.to_string(),
                }),
            }
        }
        catalogue
    }

    fn add(&mut self, place: usize, path: PathBuf) {
        let content = match document::read(&path, FILE_MAX) {
            Ok(content) => content,
            Err(error) => return self.broken.push(Broken { path, kind: None, reason: reason(&error) }),
        };
        let read = parse::<Document>(&path, &content).and_then(|document| match document.fault() {
            Some(fault) => Err(fault),
            None => Ok(document),
        });
        match read {
            Ok(document) => self.documents.push((place, path, document)),
            Err(reason) => {
                let kind = parse::<Head>(&path, &content).ok().map(|head| head.kind);
                self.broken.push(Broken { path, kind, reason });
            }
        }
    }

    /// The file that has the device.
    pub(super) fn file_of(&self, name: &Name) -> Result<(&Path, &Document), CdiError> {
        let has = |document: &Document| {
            document.kind == name.kind && document.devices.iter().any(|device| device.name == name.device)
        };
        let mut latest: Option<&(usize, PathBuf, Document)> = None;
        let mut conflict = None;
        for entry in self.documents.iter().filter(|(_, _, document)| has(document)) {
            conflict = latest.filter(|earlier| earlier.0 == entry.0);
            latest = Some(entry);
        }
        match (latest, conflict) {
            (Some((_, second, _)), Some((_, first, _))) => {
                Err(CdiError::Conflict { first: first.clone(), second: second.clone() })
            }
            (Some((_, path, document)), None) => Ok((path, document)),
            (None, _) => Err(CdiError::Unknown { known: self.known(), broken: self.broken(&name.kind) }),
        }
    }

    fn known(&self) -> String {
        let mut names: Vec<String> = self
            .documents
            .iter()
            .flat_map(|(_, _, document)| {
                document.devices.iter().map(|device| format!("{}={}", document.kind, device.name))
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        let more = names.len().saturating_sub(LISTED);
        names.truncate(LISTED);
        match more {
            0 if names.is_empty() => "none, as no file describes one".to_owned(),
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// The unusable files in which a device of this kind could be.
    fn broken(&self, kind: &str) -> String {
        let could = self.broken.iter().filter(|file| file.kind.as_ref().is_none_or(|its| its == kind));
        could.map(|file| format!("; {:?} cannot be used: {}", file.path, file.reason)).collect()
    }
}

/// The files of a directory whose ends say that they are specifications, by name.
fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_specification =
            path.extension().is_some_and(|extension| extension == "json" || extension == "yaml");
        if is_specification && path.is_file() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            let reason = format!("it must have at most {FILES_MAX} specifications");
            return Err(std::io::Error::other(reason));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Reads JSON or YAML, as the file's end says; the reason of a failure is one line.
fn parse<T: for<'de> Deserialize<'de>>(path: &Path, content: &[u8]) -> Result<T, String> {
    if path.extension().is_some_and(|extension| extension == "json") {
        return serde_json::from_slice(content).map_err(|error| error.to_string());
    }
    let text = std::str::from_utf8(content).map_err(|error| format!("it must be UTF-8: {error}"))?;
    serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())
}

/// An error with what it comes from.
fn reason(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
