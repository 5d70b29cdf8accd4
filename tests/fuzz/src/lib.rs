//! Fuzz targets over the decoders of foreign bytes.
//!
//! A target decodes its input and holds what came out against what must hold. `cargo xtask fuzz` feeds the targets by
//! what they reach; what was found once lies beneath `cases` and is held by an ordinary test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a target reports by panicking")]

pub mod prepare;
pub mod target;

mod containers;
mod host;
mod images;
mod jobs;
mod wire;
