//! A task's /etc/hosts.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// One line of a hosts file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The address.
    pub address: IpAddr,
    /// The names, the canonical one first.
    pub names: Vec<String>,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("can not {operation} {path:?}")]
pub struct WriteError {
    /// What was attempted.
    pub operation: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: rustix::io::Errno,
}

/// The text of a hosts file: localhost, the ip6- names, then `own` (the task's host name and address), then
/// `extra`.
pub fn render(own: &[HostEntry], extra: &[HostEntry]) -> String {
    let _ = (own, extra);
    todo!()
}

/// Writes `name` in `directory` whole or not at all, mode 0644, following no link.
///
/// # Errors
/// [`WriteError`].
pub fn write_file(directory: &Path, name: &str, text: &str) -> Result<(), WriteError> {
    let _ = (directory, name, text);
    todo!()
}
