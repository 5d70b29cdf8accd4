//! The directories of all owners, and who of them lives.

use crate::owner::record::{Record, RecordError};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Owners' records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// A system call failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A record's contents.
    #[error("{} cannot be used", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordError,
    },
}

fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OwnerError {
    let path = path.to_owned();
    move |source| OwnerError::Io { operation, path, source }
}

const LOCK: &str = "lock";
const RECORD: &str = "record.json";

/// A directory (0700) with one directory for each owner.
#[derive(Debug, Clone)]
pub struct OwnerStore {
    base: PathBuf,
}

/// A living owner: this process. Its record is removed by [`Owner::close`] alone.
#[derive(Debug)]
pub struct Owner {
    directory: PathBuf,
    record: Record,
    _lock: File,
}

/// An owner whose process has ended without closing its record. While this value lives, no other
/// process finds it.
#[derive(Debug)]
pub struct DeadOwner {
    /// What it left; nothing when it was killed before it wrote anything.
    pub record: Record,
    directory: PathBuf,
    _lock: File,
}

impl OwnerStore {
    /// Opens the directory, which is made where it does not exist.
    ///
    /// # Errors
    /// [`OwnerError::Io`].
    pub fn open(base: &Path) -> Result<Self, OwnerError> {
        std::fs::create_dir_all(base).map_err(io("make", base))?;
        let mode = Mode::from_raw_mode(0o700);
        rustix::fs::chmod(base, mode).map_err(|error| io("set the mode of", base)(error.into()))?;
        Ok(Self { base: base.to_owned() })
    }

    /// Begins an empty record of this process.
    ///
    /// # Errors
    /// [`OwnerError::Io`].
    pub fn register(&self) -> Result<Owner, OwnerError> {
        let _turn = self.turn()?;
        let directory = self.base.join(Uuid::new_v4().to_string());
        std::fs::create_dir(&directory).map_err(io("make", &directory))?;
        let lock = lock(&directory.join(LOCK), FlockOperation::NonBlockingLockExclusive)?;
        Ok(Owner { directory, record: Record::default(), _lock: lock })
    }

    /// The owners that are dead. Records that cannot be read are reported beside them and stay.
    ///
    /// # Errors
    /// [`OwnerError::Io`] for the directory itself.
    pub fn dead(&self) -> Result<(Vec<DeadOwner>, Vec<OwnerError>), OwnerError> {
        let _turn = self.turn()?;
        let (mut dead, mut unreadable) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(&self.base).map_err(io("read", &self.base))? {
            let entry = entry.map_err(io("read", &self.base))?;
            let directory = entry.path();
            // Only directories that an owner made.
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || !directory.join(LOCK).exists() {
                continue;
            }
            match DeadOwner::take(directory) {
                Ok(Some(owner)) => dead.push(owner),
                Ok(None) => {}
                Err(error) => unreadable.push(error),
            }
        }
        Ok((dead, unreadable))
    }

    /// Registration and search take turns, so that a new owner is never found between its first
    /// two steps.
    fn turn(&self) -> Result<File, OwnerError> {
        lock(&self.base.join(LOCK), FlockOperation::LockExclusive)
    }
}

fn lock(path: &Path, operation: FlockOperation) -> Result<File, OwnerError> {
    let failed = |error: Errno| io("lock", path)(error.into());
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    rustix::fs::flock(&file, operation).map_err(failed)?;
    Ok(File::from(file))
}

impl Owner {
    /// What is on disk.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Changes the record and writes it, whole or not at all.
    ///
    /// # Errors
    /// [`OwnerError`]; the change is not on disk then.
    pub fn update(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), OwnerError> {
        change(&mut self.record);
        let path = self.directory.join(RECORD);
        let json = self.record.write().map_err(|source| OwnerError::Record { path: path.clone(), source })?;
        let new = self.directory.join("record.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, &new, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(file.map_err(|error| io("write", &new)(error.into()))?);
        file.write_all(&json).and_then(|()| file.sync_data()).map_err(io("write", &new))?;
        std::fs::rename(&new, &path).map_err(io("replace", &path))
    }

    /// Removes the record: everything it names is cleaned up.
    ///
    /// # Errors
    /// [`OwnerError::Io`].
    pub fn close(self) -> Result<(), OwnerError> {
        remove(&self.directory)
    }
}

impl DeadOwner {
    /// Where its record is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn take(directory: PathBuf) -> Result<Option<Self>, OwnerError> {
        let lock = match lock(&directory.join(LOCK), FlockOperation::NonBlockingLockExclusive) {
            Ok(lock) => lock,
            Err(OwnerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::WouldBlock => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let path = directory.join(RECORD);
        let record = match std::fs::read(&path) {
            Ok(json) => Record::read(&json).map_err(|source| OwnerError::Record { path, source })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
            Err(error) => return Err(io("read", &path)(error)),
        };
        Ok(Some(Self { record, directory, _lock: lock }))
    }

    /// Removes the record: everything it names is cleaned up.
    ///
    /// # Errors
    /// [`OwnerError::Io`].
    pub fn close(self) -> Result<(), OwnerError> {
        remove(&self.directory)
    }
}

fn remove(directory: &Path) -> Result<(), OwnerError> {
    std::fs::remove_dir_all(directory).map_err(io("remove", directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_closed_owner_leaves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let store = OwnerStore::open(base.path()).unwrap();
        let owner = store.register().unwrap();
        let directory = owner.directory.clone();
        owner.close().unwrap();
        assert!(!directory.exists());
    }

    #[test]
    fn records_are_private() {
        let base = tempfile::tempdir().unwrap();
        let store = OwnerStore::open(&base.path().join("owners")).unwrap();
        let mut owner = store.register().unwrap();
        owner.update(|_| {}).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.base), 0o700);
        assert_eq!(mode(&owner.directory.join(RECORD)), 0o600);
    }
}
