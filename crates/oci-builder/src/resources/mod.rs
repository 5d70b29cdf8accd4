//! Resource limits (`linux.resources`).

pub(crate) mod cpu;
pub(crate) mod memory;
pub(crate) mod pids;

use oci_spec::runtime::LinuxResources;

use crate::{BuildError, CgroupMode};
use cpu::CpuResources;
use memory::MemoryResources;
use pids::PidsLimit;

/// The limits that the container's cgroup gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    /// CPU weight, bandwidth and placement.
    pub cpu: CpuResources,
    /// Memory limit and reservation.
    pub memory: MemoryResources,
    /// Limit on processes and threads.
    pub pids: PidsLimit,
}

impl Resources {
    /// No option limits huge pages; `memory.high` would slow a task down that `memory_max` lets have more.
    pub(crate) fn apply(self, limits: &mut LinuxResources, mode: CgroupMode) -> Result<(), BuildError> {
        let Self { cpu, memory, pids } = self;
        let unified = memory.unified(mode);
        limits
            .set_cpu(Some(cpu.into_spec()?))
            .set_memory(memory.into_spec(mode)?)
            .set_pids(pids.into_spec()?)
            .set_block_io(None)
            .set_hugepage_limits(None)
            .set_network(None)
            .set_rdma(None)
            .set_unified(unified);
        Ok(())
    }
}
