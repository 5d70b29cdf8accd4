//! The harness of the end-to-end tests: the built binary on a real containerd.
//!
//! A test gets a [`World`]: a plugin process of its own, an allocation, a containerd. Whatever it leaves
//! is removed when it ends, also when it panics, and the removal itself is checked: a container, snapshot,
//! lease, mount, cgroup or file of the test that is still there fails it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code, which reports by panicking"
)]

pub mod cgroup;
pub mod daemon;
pub mod environment;
pub mod gate;
pub mod host;
pub mod hung;
pub mod image;
pub mod leftovers;
pub mod plugin;
pub mod proxy;
pub mod reboot;
pub mod registry;
pub mod runner;
pub mod shared_mount;
pub mod spec;
pub mod task;
pub mod trickle;
pub mod wait;
pub mod world;

pub use daemon::Daemon;
pub use plugin::Plugin;
pub use proxy::Proxy;
pub use registry::Registry;
pub use runner::{test, test_with};
pub use shared_mount::SharedMount;
pub use task::{Task, TaskSetup};
pub use world::World;
