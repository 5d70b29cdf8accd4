//! Who the process runs as (`process.user`).

/// Numeric identity of a process, resolved from the image's passwd and group files by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id inside the container.
    pub uid: u32,
    /// Primary group id inside the container.
    pub gid: u32,
    /// Supplementary group ids in order.
    pub additional_gids: Vec<u32>,
}
