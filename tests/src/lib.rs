//! The harness of the end-to-end tests: the built binary on a real containerd.
