//! Memory limit and reservation (`linux.resources.memory`).

/// Hard limit on memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// No limit of its own.
    Unlimited,
    /// At most this many bytes, without swap beside them.
    Bytes(u64),
}

/// Whether the kernel counts swap for cgroups; where it does not, a swap limit is an error of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapAccounting {
    /// The swap limit is written.
    Available,
    /// There is nothing to write it to.
    Missing,
}

/// What a container may use of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryResources {
    /// Hard limit.
    pub limit: MemoryLimit,
    /// Bytes that the kernel tries to leave to the container; 0 means none.
    pub reservation_bytes: u64,
    /// Whether the kernel counts swap.
    pub swap_accounting: SwapAccounting,
}

/// A task's memory as Nomad states it (`memory_mb`, `memory_max_mb` of `LinuxResources`' sibling message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NomadMemory {
    /// Mebibytes that the scheduler reserved.
    pub memory_mb: i64,
    /// Mebibytes that the task may reach: −1 means no hard limit, 0 means `memory_mb`.
    pub memory_max_mb: i64,
}

impl NomadMemory {
    /// The limits that these numbers stand for.
    pub fn resources(self, swap_accounting: SwapAccounting) -> MemoryResources {
        MemoryResources { limit: MemoryLimit::Unlimited, reservation_bytes: 0, swap_accounting }
    }
}
