//! What tests of this crate share.

/// Fails a test that needs root with a text that says so.
pub(crate) fn require_root() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root: run the tests as root");
}
