//! The plugin over the wire: a real process and a real connection, with no daemon behind it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be unwrapped has failed the test")]

mod host;
mod process;
mod services;
