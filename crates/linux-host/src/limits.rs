//! Limits of this process: open files and the capability bounding set.

use rustix::io::Errno;

/// Open-file limit of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// The limit that is enforced.
    pub soft: u64,
    /// How far it can be raised.
    pub hard: u64,
}

/// A limit was not changed.
#[derive(Debug, thiserror::Error)]
#[error("can not raise the limit of open files from {soft} to {hard}")]
pub struct LimitError {
    /// The limit that stays.
    pub soft: u64,
    /// The limit that was wanted.
    pub hard: u64,
    /// What the kernel said.
    #[source]
    pub source: Errno,
}

/// Raises the soft limit of open files to the hard one and returns both.
///
/// # Errors
/// [`LimitError`].
pub fn raise_open_files() -> Result<OpenFiles, LimitError> {
    todo!()
}

/// The names (`CAP_CHOWN` …) in this process's capability bounding set, by number. A capability that is newer
/// than this list is left out.
pub fn bounding_capabilities() -> Vec<&'static str> {
    todo!()
}
