//! What a cgroup used: the typed sample, its parsers, and the reader that keeps the files open.

mod reader;
mod text;
mod v1;
mod v2;

pub use reader::StatsReader;

/// One reading of a cgroup. A value that the kernel does not give is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// CPU time.
    pub cpu: CpuSample,
    /// Memory.
    pub memory: MemorySample,
}

/// CPU time since the cgroup was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuSample {
    /// All CPU time in nanoseconds.
    pub usage_ns: Option<u64>,
    /// In user mode, in nanoseconds.
    pub user_ns: Option<u64>,
    /// In the kernel, in nanoseconds.
    pub system_ns: Option<u64>,
    /// Periods in which the hard limit was reached.
    pub throttled_periods: Option<u64>,
    /// Time spent throttled, in nanoseconds.
    pub throttled_ns: Option<u64>,
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemorySample {
    /// Anonymous memory.
    pub rss: Option<u64>,
    /// Page cache.
    pub cache: Option<u64>,
    /// Swap.
    pub swap: Option<u64>,
    /// File-mapped memory.
    pub mapped_file: Option<u64>,
    /// Everything charged.
    pub usage: Option<u64>,
    /// The highest usage so far.
    pub max_usage: Option<u64>,
    /// Kernel memory.
    pub kernel_usage: Option<u64>,
    /// The highest kernel memory so far.
    pub kernel_max_usage: Option<u64>,
}
