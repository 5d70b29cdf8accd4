//! The adapter on a real containerd: `cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a suite of tests")]

mod archives;
mod auth;
mod auth_tokens;
mod conformance;
mod containers;
mod daemon;
mod events;
mod execs;
mod fixture;
mod hostile;
mod hostile_tokens;
mod imports;
mod loopback;
mod odd_images;
mod pull_faults;
mod pulls;
mod registry;
mod restart;
mod survey;
