//! Files of an image's root file system, read without leaving anything mounted.

mod options;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive};
use rustix::mount::{mount_change, mount_remount};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::beneath;
use options::{MountPlan, SourceKind};

/// More than any passwd or group file needs, in bytes; a file is never trusted to be small.
const FILE_MAX: u64 = 4 * 1024 * 1024;

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
    /// The reading thread could not be started, or it died.
    #[error("cannot run the thread that reads the image's files")]
    Thread(#[source] Option<std::io::Error>),
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
    /// A file of the image is larger than what is read.
    #[error("{file:?} of the image is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Reads `files` (paths inside the image, links resolved inside it) from the root that `mounts` make up.
///
/// Blocking. `scratch` is an existing empty directory; in the thread's private mount namespace, which dies with
/// the thread, the root is mounted on it read-only. A file that is missing or not regular is `None`.
///
/// # Errors
/// [`RootfsError`].
pub fn read_files(
    mounts: &[RootfsMount],
    scratch: &Path,
    files: &[&str],
) -> Result<Vec<Option<Vec<u8>>>, RootfsError> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("image-files".to_owned())
            .spawn_scoped(scope, || read_in_this_thread(mounts, scratch, files))
            .map_err(|source| RootfsError::Thread(Some(source)))?;
        reader.join().map_err(|_panic| RootfsError::Thread(None))?
    })
}

fn read_in_this_thread(
    mounts: &[RootfsMount],
    scratch: &Path,
    files: &[&str],
) -> Result<Vec<Option<Vec<u8>>>, RootfsError> {
    enter_own_mount_namespace()?;
    let scratch = &std::path::absolute(scratch)
        .map_err(|source| RootfsError::Read { file: scratch.to_owned(), source })?;
    for mount in mounts {
        mount_on(mount, scratch)?;
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root =
        rustix::fs::openat(CWD, scratch, flags, Mode::empty()).map_err(failed("open the mounted root"))?;
    files.iter().map(|file| read_file(root.as_fd(), Path::new(file))).collect()
}

/// Leaves the mounts (and the working directory) of the process to the other threads.
fn enter_own_mount_namespace() -> Result<(), RootfsError> {
    #[expect(unsafe_code, reason = "a thread's namespaces cannot be left in a safe way")]
    // SAFETY: only the mount namespace and the working directory of this thread change; its table of file
    // descriptors stays shared with the other threads.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }
        .map_err(failed("leave the mount namespace"))?;
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave).map_err(failed("keep mounts from spreading"))
}

/// Mounts read-only, whatever the options say: what is read here must not be changed by reading it.
fn mount_on(wanted: &RootfsMount, target: &Path) -> Result<(), RootfsError> {
    let plan = MountPlan::new(wanted);
    let flags = plan.flags | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match plan.kind {
        SourceKind::Bind { recursive } => {
            let source = Path::new(&wanted.source);
            let bind =
                if recursive { mount_bind_recursive(source, target) } else { mount_bind(source, target) };
            bind.map_err(failed(format!("bind {source:?}")))?;
            mount_remount(target, flags | MountFlags::BIND, "")
                .map_err(failed(format!("make {source:?} read-only")))
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

/// One file beneath `root`, its links resolved as the container would; `None` when there is no such regular file.
fn read_file(root: BorrowedFd<'_>, file: &Path) -> Result<Option<Vec<u8>>, RootfsError> {
    let fail = |source: Errno| RootfsError::Read { file: file.to_owned(), source: source.into() };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let opened = match beneath::open_resolved(root, file, flags, how) {
        // Missing, a dangling or circular link, a device on a mount without devices, a socket.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::NXIO) => return Ok(None),
        other => other.map_err(fail)?,
    };
    let stat = rustix::fs::fstat(&opened).map_err(fail)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    read_bounded(opened, file).map(Some)
}

fn read_bounded(opened: OwnedFd, file: &Path) -> Result<Vec<u8>, RootfsError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::from(opened).take(FILE_MAX + 1).read_to_end(&mut bytes);
    let length = read.map_err(|source| RootfsError::Read { file: file.to_owned(), source })?;
    match u64::try_from(length) {
        Ok(length) if length <= FILE_MAX => Ok(bytes),
        _ => Err(RootfsError::TooLarge { file: file.to_owned(), limit: FILE_MAX }),
    }
}

fn failed(operation: impl Into<String>) -> impl FnOnce(Errno) -> RootfsError {
    let operation = operation.into();
    move |source| RootfsError::Mount { operation, source }
}

#[cfg(test)]
mod tests;
