//! Log files with a size and a number limit: `<task>.stdout.0`, `<task>.stdout.1` and so on.

use rustix::fs::{CWD, Mode, OFlags};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A log file could not be opened or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} the log file {}", path.display())]
pub struct RotationError {
    /// What was attempted.
    pub operation: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the kernel said.
    pub source: std::io::Error,
}

/// One stream's files.
#[derive(Debug)]
pub(super) struct RotatingFile {
    stem: PathBuf,
    limit: u64,
    kept: u32,
    index: u32,
    written: u64,
    file: File,
}

impl RotatingFile {
    /// Goes on after the newest file that is there. `limit` is in bytes, `kept` at least 1.
    pub(super) fn open(directory: &Path, name: &str, limit: u64, kept: u32) -> Result<Self, RotationError> {
        let stem = directory.join(name);
        let mut index = 0;
        while numbered(&stem, index + 1).symlink_metadata().is_ok() {
            index += 1;
        }
        let file = open(&numbered(&stem, index))?;
        let written = file.metadata().map_or(0, |metadata| metadata.len());
        Ok(Self { stem, limit: limit.max(1), kept: kept.max(1), index, written, file })
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), RotationError> {
        while !bytes.is_empty() {
            if self.written >= self.limit {
                self.next()?;
            }
            let room = usize::try_from(self.limit - self.written).unwrap_or(usize::MAX).min(bytes.len());
            self.file.write_all(&bytes[..room]).map_err(|source| RotationError {
                operation: "write",
                path: numbered(&self.stem, self.index),
                source,
            })?;
            self.written += room as u64;
            bytes = &bytes[room..];
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(), RotationError> {
        self.index += 1;
        self.file = open(&numbered(&self.stem, self.index))?;
        self.written = 0;
        if let Some(oldest) = self.index.checked_sub(self.kept) {
            let path = numbered(&self.stem, oldest);
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RotationError { operation: "remove", path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn numbered(stem: &Path, index: u32) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(format!(".{index}"));
    PathBuf::from(path)
}

/// A task may have put a link in the file's place: none is followed.
fn open(path: &Path) -> Result<File, RotationError> {
    let flags = OFlags::WRONLY
        | OFlags::CREATE
        | OFlags::APPEND
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(0o644));
    file.map(File::from).map_err(|error| RotationError {
        operation: "open",
        path: path.to_owned(),
        source: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_followed_by_the_next_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::open(directory.path(), "web.stdout", 4, 2).unwrap();
        file.write(b"aaaabbbbcc").unwrap();
        assert_eq!(names(directory.path()), ["web.stdout.1", "web.stdout.2"]);
        assert_eq!(std::fs::read(directory.path().join("web.stdout.2")).unwrap(), b"cc");
    }

    #[test]
    fn a_restarted_task_goes_on_in_its_last_file() {
        let directory = tempfile::tempdir().unwrap();
        RotatingFile::open(directory.path(), "web.stdout", 4, 5).unwrap().write(b"aaaabb").unwrap();
        RotatingFile::open(directory.path(), "web.stdout", 4, 5).unwrap().write(b"cc").unwrap();
        assert_eq!(std::fs::read(directory.path().join("web.stdout.1")).unwrap(), b"bbcc");
    }

    #[test]
    fn a_link_in_the_place_of_a_log_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), directory.path().join("web.stdout.0")).unwrap();
        let error = RotatingFile::open(directory.path(), "web.stdout", 4, 2).unwrap_err();
        assert_eq!(error.operation, "open");
    }
}
