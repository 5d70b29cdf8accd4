//! The cgroup of a task: where it lies, who is in it, what it used.

mod controllers;
mod error;
mod kill;
mod mounts;
mod placement;
pub mod stats;
mod task;
#[cfg(test)]
mod testing;
mod tree;

pub use controllers::Controllers;
pub use error::CgroupError;
pub use mounts::{CgroupMode, CgroupMounts, Controller};
pub use placement::{Cpuset, Placement, PlacementError, place};
pub use task::{TaskCgroup, join, set_cpus};
