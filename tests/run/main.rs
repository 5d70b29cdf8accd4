//! `containerd-driver run` as a person uses it: the built binary, job files, a real containerd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code, which reports by panicking"
)]

mod auth;
mod bad_input;
mod endings;
mod good;
mod screen;
