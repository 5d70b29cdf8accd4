//! A pure function from a typed plan to an OCI runtime spec, one module per option.
//!
//! Nothing here reads a file or asks the kernel: every fact that a spec needs (a user's numbers, a device's
//! numbers, the cgroup layout) is resolved by the caller and arrives in the [`Plan`].

mod annotations;
mod args;
mod baseline;
mod build;
mod capabilities;
mod cgroup;
mod check;
mod cwd;
mod device_request;
mod devices;
mod env;
mod error;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod hooks;
mod hostname;
mod job_mounts;
mod mounts;
mod namespace_entry;
mod namespace_mode;
mod namespaces;
mod network;
mod plan;
mod privileged;
mod resources;
mod rlimits;
mod rootfs;
pub mod seccomp;
mod shm_size;
mod size;
mod sysctl;
#[cfg(test)]
mod testing;
mod user;
mod writable_paths;

pub use build::build;
pub use capabilities::{CapabilityError, CapabilityRequest, CapabilitySet};
pub use cgroup::{Cgroup, CgroupMode};
pub use device_request::{DeviceRequest, DeviceRequestError};
pub use devices::{Device, DeviceKind, DevicePermissions};
pub use error::BuildError;
pub use hooks::{Hook, HookPoint};
pub use hostname::check_hostname;
pub use job_mounts::{DockerMount, JobMount, JobMountError, JobMountKind, MountShape};
pub use mounts::{Access, Mount, MountKind, Propagation};
pub use namespace_mode::{NamespaceMode, NamespaceModeError};
pub use network::NetworkNamespace;
pub use plan::Plan;
pub use privileged::Privilege;
pub use resources::Resources;
pub use resources::cpu::{CpuBandwidth, CpuResources, nomad_cpu_shares};
pub use resources::memory::{MemoryLimit, MemoryResources, NomadMemory, SwapAccounting};
pub use resources::pids::PidsLimit;
pub use rlimits::{Limit, LimitKind};
pub use rootfs::Rootfs;
pub use seccomp::Seccomp;
pub use shm_size::DEFAULT_SHM_BYTES;
pub use size::{SizeError, parse_size};
pub use user::User;

/// A capability by its name in capabilities(7).
pub use oci_spec::runtime::Capability;
/// The process of a spec, which an exec varies.
pub use oci_spec::runtime::Process;
/// The spec that [`build`] returns, as the runtime-spec types of `oci-spec`.
pub use oci_spec::runtime::Spec;
