//! Files of an image's root file system, read without leaving anything mounted.

mod directories;
mod options;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive};
use rustix::mount::{mount_change, mount_remount};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::detached::{self, DetachedError};
use crate::document;
pub use directories::make_directories;
use options::{MountPlan, SourceKind};

/// More than any passwd or group file needs, in bytes; a file is never trusted to be small.
const FILE_MAX: u64 = 4 * 1024 * 1024;
/// How long the image's file system may take.
const TIME: Duration = Duration::from_secs(60);

/// One mount as containerd's snapshotters describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootfsMount {
    /// `overlay`, `bind`, or another file system type.
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// fstab options.
    pub options: Vec<String>,
}

/// Why the files could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootfsError {
    /// The thread that reads gave no result.
    #[error("cannot read the image's files in time")]
    Thread(#[source] DetachedError),
    /// A step of mounting failed.
    #[error("cannot {operation} to read the image's files")]
    Mount {
        /// What was attempted.
        operation: String,
        /// What the kernel said.
        source: Errno,
    },
    /// A file of the image could not be read.
    #[error("cannot read {file:?} of the image")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file of the image is something else.
    #[error("{file:?} of the image is {kind}; it must be a regular file")]
    NotFile {
        /// The file.
        file: PathBuf,
        /// `a directory`, `a FIFO` …
        kind: &'static str,
    },
    /// A directory could not be made, or is something else.
    #[error("the volume {directory:?} of the image cannot be a directory")]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A directory of the image is a link. Runtimes make files in some of them before they enter the root, so that a link
    /// would lead them to the host's.
    #[error("{directory:?} of the image is a symbolic link; it must be a directory")]
    Link {
        /// The directory.
        directory: &'static str,
    },
    /// A file of the image is larger than what is read.
    #[error("{file:?} of the image is too large; it must have at most {limit} bytes")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Reads `files` (paths inside the image, links resolved inside it) from the root that `mounts` make up.
///
/// Blocking, for a minute at most. `scratch` is an existing empty directory; in the thread's private mount namespace,
/// which dies with the thread, the root is mounted on it read-only. A file that is missing is `None`.
///
/// # Errors
/// [`RootfsError`].
pub fn read_files(
    mounts: &[RootfsMount],
    scratch: &Path,
    files: &[&str],
) -> Result<Vec<Option<Vec<u8>>>, RootfsError> {
    let (mounts, scratch) = (mounts.to_vec(), scratch.to_owned());
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    detached::wait(TIME, move || read_in_this_thread(&mounts, &scratch, &files))
        .unwrap_or_else(|source| Err(RootfsError::Thread(source)))
}

fn read_in_this_thread(
    mounts: &[RootfsMount],
    scratch: &Path,
    files: &[PathBuf],
) -> Result<Vec<Option<Vec<u8>>>, RootfsError> {
    enter_own_mount_namespace()?;
    let scratch = &std::path::absolute(scratch)
        .map_err(|source| RootfsError::Read { file: scratch.to_owned(), source })?;
    for mount in mounts {
        mount_on(mount, scratch, Access::ReadOnly)?;
    }
    // The image has no /proc to find them in.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let descriptors = rustix::fs::openat(CWD, "/proc/self/fd", flags, Mode::empty())
        .map_err(failed("find the descriptors"))?;
    // From now on this thread follows links as the container would.
    rustix::process::chroot(scratch).map_err(failed("enter the mounted root"))?;
    rustix::process::chdir("/").map_err(failed("enter the mounted root"))?;
    check_directories()?;
    files.iter().map(|file| read_file(descriptors.as_fd(), file)).collect()
}

/// Leaves the mounts (and the root and working directories) of the process to the other threads.
fn enter_own_mount_namespace() -> Result<(), RootfsError> {
    #[expect(unsafe_code, reason = "a thread's namespaces cannot be left in a safe way")]
    // SAFETY: only the mount namespace and the directories of this thread change; its table of file
    // descriptors stays shared with the other threads.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }
        .map_err(failed("leave the mount namespace"))?;
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave).map_err(failed("keep mounts from spreading"))
}

/// Whether the root is mounted to be written. What is only read must not be changed by reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadOnly,
    ReadWrite,
}

/// Mounts with this access, whatever the options say.
fn mount_on(wanted: &RootfsMount, target: &Path, access: Access) -> Result<(), RootfsError> {
    let plan = MountPlan::new(wanted, access);
    let read_only = if access == Access::ReadOnly { MountFlags::RDONLY } else { MountFlags::empty() };
    let flags = plan.flags | read_only | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match plan.kind {
        SourceKind::Bind { recursive } => {
            let source = Path::new(&wanted.source);
            let bind =
                if recursive { mount_bind_recursive(source, target) } else { mount_bind(source, target) };
            bind.map_err(failed(format!("bind {source:?}")))?;
            mount_remount(target, flags | MountFlags::BIND, "")
                .map_err(failed(format!("set how {source:?} is mounted")))
        }
        SourceKind::FileSystem => {
            if let Some(directory) = &plan.working_directory {
                rustix::process::chdir(directory).map_err(failed(format!("change to {directory:?}")))?;
            }
            let data = plan.data().map_err(failed("write down the mount options"))?;
            mount(&wanted.source, target, &wanted.kind, flags, data.as_deref())
                .map_err(failed(format!("mount {}", wanted.kind)))
        }
    }
}

/// What runc 1.1 makes in `/dev` (its links and `ptmx`) follows a link out of the root.
fn check_directories() -> Result<(), RootfsError> {
    for directory in ["/dev", "/proc", "/sys"] {
        let found = rustix::fs::statat(CWD, directory, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink) {
            return Err(RootfsError::Link { directory });
        }
    }
    Ok(())
}

/// One file of this thread's root; `None` when there is none.
fn read_file(descriptors: BorrowedFd<'_>, file: &Path) -> Result<Option<Vec<u8>>, RootfsError> {
    let fail = |source: std::io::Error| RootfsError::Read { file: file.to_owned(), source };
    let object = match rustix::fs::openat(CWD, file, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        // Missing, or a dangling or circular link.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        other => other.map_err(|errno| fail(errno.into()))?,
    };
    let stat = rustix::fs::fstat(&object).map_err(|errno| fail(errno.into()))?;
    if let Some(kind) = document::other_than_file(stat.st_mode) {
        return Err(RootfsError::NotFile { file: file.to_owned(), kind });
    }
    let checked = object.as_raw_fd().to_string();
    let opened = rustix::fs::openat(descriptors, checked, document::READ, Mode::empty())
        .map_err(|errno| fail(errno.into()))?;
    match document::at_most(opened, FILE_MAX).map_err(fail)? {
        Some(content) => Ok(Some(content)),
        None => Err(RootfsError::TooLarge { file: file.to_owned(), limit: FILE_MAX }),
    }
}

fn failed(operation: impl Into<String>) -> impl FnOnce(Errno) -> RootfsError {
    let operation = operation.into();
    move |source| RootfsError::Mount { operation, source }
}

#[cfg(test)]
mod tests;
