//! The end-to-end tests: one module for each topic. See the library beside it for what surrounds a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code, which reports by panicking"
)]

mod auth;
mod baseline;
mod controllers;
mod counting;
mod descriptors;
mod destroy;
mod directories;
mod events;
mod exec;
mod exec_conformance;
mod exec_leaks;
mod exits;
mod fingerprint;
mod footprint;
mod go_driver;
mod hostile;
mod images;
mod isolation;
mod kills;
mod limits;
mod logs;
mod many;
mod network;
mod observe;
mod options_cdi;
mod options_limits;
mod options_mounts;
mod options_names;
mod options_privileges;
mod options_refusals;
mod options_security;
mod options_unset;
mod outage;
mod plugin;
mod predecessor;
mod processes;
mod program;
mod propagation;
mod pull;
mod reaper;
mod recovery;
mod recovery_edges;
mod refusals;
mod resolver;
mod stale;
mod stop;
mod stopped_agent;
mod swaps;
mod systemd;
mod upgrade;
mod usage;
