//! A task from the moment it runs until nothing of it is left.

pub(crate) mod destroy;
pub(crate) mod exit;
#[cfg(test)]
mod life_tests;
pub(crate) mod lifecycle;
pub(crate) mod monitor;
mod oom;
pub(crate) mod registry;
pub(crate) mod release;
pub(crate) mod starting;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod stop;
pub(crate) mod task;
