//! Allocations: directory trees, task configurations, environments and cgroups.

mod cgroups;
mod directory;
mod environment;
mod files;
mod identity;
mod task;

pub use cgroups::{CgroupsError, TaskCgroups};
pub(crate) use directory::remove_tree;
pub use directory::{AllocError, Allocation, TaskDirs};
pub use environment::{AllocatedPort, Dns, TaskEnvironment, TaskResources};
pub use files::{FileError, Permissions, write_beneath};
pub use identity::JobIdentity;
pub use task::TaskBuilder;
