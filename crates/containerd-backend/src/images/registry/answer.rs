//! An answer to a request.

use reqwest::Response;

/// An answer, its body still to come.
pub(super) struct Answer {
    /// What came.
    pub(super) response: Response,
    /// Whether the host that was asked gave it, and not one that it redirected to.
    pub(super) is_home: bool,
    /// Host and port that gave it.
    pub(super) host: String,
}
