//! The files of a task in its allocation's log directory, before something writes to them as root.
//!
//! Nomad's log collector opens `<task>.stdout.<n>` and `<task>.stderr.<n>` by name and follows links. A task that could
//! plant a link there would choose the file that root writes to.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// A log file that the collector must not write to, or a directory that cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFileError {
    /// It is a link, a directory or anything else.
    #[error("the log file {name:?} is {kind}; it must be a regular file")]
    NotFile {
        /// Its name.
        name: PathBuf,
        /// `a symbolic link`, `a directory` …
        kind: &'static str,
    },
    /// The same file has another name elsewhere.
    #[error("the log file {name:?} has {links} names; it must have one")]
    Linked {
        /// Its name here.
        name: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// The directory cannot be read.
    #[error("cannot read the log directory")]
    Read(#[source] Errno),
}

/// Makes sure that every log file of a task is a regular file with one name.
///
/// # Errors
/// [`LogFileError`] for the first one that is not.
pub fn check(directory: BorrowedFd<'_>, task: &str) -> Result<(), LogFileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(directory, ".", flags, Mode::empty()).map_err(LogFileError::Read)?;
    for entry in Dir::new(readable).map_err(LogFileError::Read)? {
        let entry = entry.map_err(LogFileError::Read)?;
        let name = entry.file_name();
        if !is_log_file(name.to_bytes(), task) {
            continue;
        }
        match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => check_one(&stat).map_err(|fault| fault(to_path(name)))?,
            // The collector removes its oldest file at any time.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(LogFileError::Read(errno)),
        }
    }
    Ok(())
}

/// Whether it is the name of a file that the collector writes for the task.
fn is_log_file(name: &[u8], task: &str) -> bool {
    let rest = name.strip_prefix(task.as_bytes()).unwrap_or_default();
    let number = rest.strip_prefix(b".stdout.").or_else(|| rest.strip_prefix(b".stderr."));
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

fn check_one(stat: &rustix::fs::Stat) -> Result<(), impl FnOnce(PathBuf) -> LogFileError + use<>> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_nlink == 1 => return Ok(()),
        FileType::RegularFile => None,
        FileType::Symlink => Some("a symbolic link"),
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        _ => Some("a device"),
    };
    #[allow(clippy::useless_conversion, reason = "it has 32 bits on some architectures")]
    let links = u64::from(stat.st_nlink);
    Err(move |name| match kind {
        Some(kind) => LogFileError::NotFile { name, kind },
        None => LogFileError::Linked { name, links },
    })
}

fn to_path(name: &std::ffi::CStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::beneath;

    fn told(directory: &Path) -> String {
        let opened = beneath::open_root(directory).unwrap();
        check(opened.as_fd(), "web").map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn regular_files_and_those_of_others_are_fine() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["web.stdout.0", "web.stderr.12", "web.stdout.1"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        symlink("/etc/passwd", dir.path().join("other.stdout.0")).unwrap();
        for others in ["web-2.stdout.0", "web.stdout.fifo", "web.stdout.", "my-web.stdout.0"] {
            symlink("/etc/passwd", dir.path().join(others)).unwrap();
        }
        assert_eq!(told(dir.path()), "fine");
    }

    #[test]
    fn links_of_both_kinds_and_other_things_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.stdout.0");
        symlink("/etc/passwd", &path).unwrap();
        assert_eq!(
            told(dir.path()),
            r#"the log file "web.stdout.0" is a symbolic link; it must be a regular file"#
        );
        std::fs::remove_file(&path).unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::fs::hard_link(dir.path().join("secret"), &path).unwrap();
        assert_eq!(told(dir.path()), r#"the log file "web.stdout.0" has 2 names; it must have one"#);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(
            told(dir.path()),
            r#"the log file "web.stdout.0" is a directory; it must be a regular file"#
        );
    }
}
