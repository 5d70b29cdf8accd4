//! Resource limits (`linux.resources`).

pub(crate) mod cpu;
pub(crate) mod memory;

use cpu::CpuResources;
use memory::MemoryResources;

/// The limits that the container's cgroup gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    /// CPU weight, bandwidth and placement.
    pub cpu: CpuResources,
    /// Memory limit and reservation.
    pub memory: MemoryResources,
}
