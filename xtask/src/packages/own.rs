//! The suite that the host is of.

use anyhow::Result;

use super::Source;
use super::suites::codename;

/// The host's own suite.
pub(crate) struct Own {
    /// Its code name.
    pub(crate) suite: String,
    /// The text of a `sources.list` that names it on the mirror of the host.
    pub(crate) sources: String,
}

/// The suite that the host is of.
///
/// # Errors
/// It is not of Debian, or its sources cannot be read.
pub(crate) fn own() -> Result<Own> {
    Source::Host.refresh_if_empty()?;
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = codename(&release).to_owned();
    Ok(Own { sources: Source::sources_of(&suite)?, suite })
}
