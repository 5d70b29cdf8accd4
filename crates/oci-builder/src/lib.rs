//! A pure function from a typed plan to an OCI runtime spec, one module per option.
//!
//! Nothing here reads a file or asks the kernel: every fact that a spec needs (a user's numbers, a device's
//! numbers, the cgroup layout) is resolved by the caller and arrives in the [`Plan`].

mod annotations;
mod args;
mod baseline;
mod build;
mod cgroup;
mod check;
mod cwd;
mod devices;
mod env;
mod error;
mod hostname;
mod mounts;
mod namespaces;
mod network;
mod plan;
mod resources;
mod rootfs;
#[cfg(test)]
mod testing;
mod user;

pub use build::build;
pub use cgroup::{Cgroup, CgroupMode};
pub use devices::{Device, DeviceKind, DevicePermissions};
pub use error::BuildError;
pub use mounts::{Access, Mount, MountKind, Propagation};
pub use network::NetworkNamespace;
pub use plan::Plan;
pub use resources::Resources;
pub use resources::cpu::{CpuBandwidth, CpuResources, nomad_cpu_shares};
pub use resources::memory::{MemoryLimit, MemoryResources, NomadMemory, SwapAccounting};
pub use rootfs::Rootfs;
pub use user::User;

/// The process of a spec, which an exec varies.
pub use oci_spec::runtime::Process;
/// The spec that [`build`] returns, as the runtime-spec types of `oci-spec`.
pub use oci_spec::runtime::Spec;
