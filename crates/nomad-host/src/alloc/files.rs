//! Files that a client writes into an allocation, never through links of a task's making.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path is absolute, empty, or leaves its root.
    #[error("{} is not a path inside the allocation", .0.display())]
    Outside(PathBuf),
    /// A system call failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The path beneath the root.
        path: PathBuf,
        /// What the kernel said; `ENOTDIR` for a link on the way.
        source: std::io::Error,
    },
}

/// Owner and mode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// Such as `0o644`.
    pub mode: u32,
    /// The owning user, if not this process's.
    pub uid: Option<u32>,
    /// The owning group, if not this process's.
    pub gid: Option<u32>,
}

/// Writes a file beneath `root`, makes the directories above it, and replaces what is there. No
/// link below the root is followed.
///
/// # Errors
/// [`FileError`].
pub fn write_beneath(
    root: &Path,
    path: &Path,
    content: &[u8],
    permissions: Permissions,
) -> Result<(), FileError> {
    let failed = |operation: &'static str| {
        move |error: Errno| FileError::Io { operation, path: path.to_owned(), source: error.into() }
    };
    let mut steps = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => steps.push(name),
            Component::CurDir => {}
            _ => return Err(FileError::Outside(path.to_owned())),
        }
    }
    let name = steps.pop().ok_or_else(|| FileError::Outside(path.to_owned()))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = rustix::fs::openat(CWD, root, flags, Mode::empty()).map_err(failed("open"))?;
    for step in steps {
        directory = enter(directory.as_fd(), Path::new(step)).map_err(failed("make a directory for"))?;
    }
    // A new inode each time: a task may hold the old one open, or have made it a link.
    match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(failed("replace")(error)),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file =
        rustix::fs::openat(&directory, name, flags, Mode::RUSR | Mode::WUSR).map_err(failed("make"))?;
    let mut file = File::from(file);
    file.write_all(content).map_err(|source| FileError::Io {
        operation: "write",
        path: path.to_owned(),
        source,
    })?;
    if permissions.uid.is_some() || permissions.gid.is_some() {
        let uid = permissions.uid.map(rustix::fs::Uid::from_raw);
        let gid = permissions.gid.map(rustix::fs::Gid::from_raw);
        rustix::fs::fchown(&file, uid, gid).map_err(failed("set the owner of"))?;
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(permissions.mode)).map_err(failed("set the mode of"))
}

/// Opens a directory by its one name, which is made where it does not exist.
fn enter(parent: BorrowedFd<'_>, name: &Path) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
        Ok(()) => {
            let made = open_directory(parent, name)?;
            let file_type = FileType::from_raw_mode(rustix::fs::fstat(&made)?.st_mode);
            if file_type == FileType::Directory {
                rustix::fs::chmodat(parent, name, Mode::from_raw_mode(0o777), AtFlags::empty())?;
            }
            Ok(made)
        }
        Err(Errno::EXIST) => open_directory(parent, name),
        Err(error) => Err(error),
    }
}

fn open_directory(parent: BorrowedFd<'_>, name: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const PLAIN: Permissions = Permissions { mode: 0o640, uid: None, gid: None };

    #[test]
    fn a_file_is_written_with_its_mode_and_its_directories() {
        let root = tempfile::tempdir().unwrap();
        write_beneath(root.path(), Path::new("./a/b/c.conf"), b"1", PLAIN).unwrap();
        write_beneath(root.path(), Path::new("a/b/c.conf"), b"22", PLAIN).unwrap();
        let written = root.path().join("a/b/c.conf");
        assert_eq!(std::fs::read(&written).unwrap(), b"22");
        assert_eq!(std::fs::metadata(&written).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_link_in_the_place_of_the_file_is_replaced_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        symlink(outside.path(), root.path().join("file")).unwrap();
        write_beneath(root.path(), Path::new("file"), b"new", PLAIN).unwrap();
        assert_eq!(std::fs::read(outside.path()).unwrap(), b"");
        assert_eq!(std::fs::read(root.path().join("file")).unwrap(), b"new");
    }

    #[test]
    fn a_link_in_the_place_of_a_directory_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("dir")).unwrap();
        let error = write_beneath(root.path(), Path::new("dir/file"), b"x", PLAIN).unwrap_err();
        assert!(matches!(error, FileError::Io { .. }), "{error}");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_path_that_leaves_the_root_is_refused() {
        let root = tempfile::tempdir().unwrap();
        for path in ["/etc/x", "../x", "a/../../x", ""] {
            let result = write_beneath(root.path(), Path::new(path), b"", PLAIN);
            assert!(matches!(result, Err(FileError::Outside(_))), "{path}");
        }
    }
}
