//! A task's user, looked up in the image's passwd and group files.

use std::path::PathBuf;

/// A user in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedUser {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups, the primary one first.
    pub additional_gids: Vec<u32>,
    /// Home directory; `/` when passwd names none.
    pub home: PathBuf,
}

/// A user that the image does not have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// No such user.
    #[error("unknown user {user:?}: not in the image's /etc/passwd")]
    UnknownUser {
        /// The name.
        user: String,
    },
    /// No such group.
    #[error("unknown group {group:?}: not in the image's /etc/group")]
    UnknownGroup {
        /// The name.
        group: String,
    },
    /// A number that is no id.
    #[error("{id} is not a user or group id: it must be between 0 and 2147483647")]
    Range {
        /// The number as given.
        id: String,
    },
}

/// Resolves `""`, `name`, `uid`, `name:group`, `uid:gid`, `name:` and every mixture of them, as Docker does.
///
/// `passwd` and `group` are the texts of the image's files, empty when it has none.
///
/// # Errors
/// [`UserError`].
pub fn resolve(user: &str, passwd: &str, group: &str) -> Result<ResolvedUser, UserError> {
    let _ = (user, passwd, group);
    todo!()
}
