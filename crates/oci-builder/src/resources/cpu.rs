//! CPU weight, bandwidth and placement (`linux.resources.cpu`).

use oci_spec::runtime::LinuxCpu;

use crate::{BuildError, check};

/// The kernel's least `cpu.shares`.
const SHARES_MIN: u64 = 2;
/// The kernel's greatest `cpu.shares`.
const SHARES_MAX: u64 = 262_144;
/// The kernel's shortest and longest `cpu.cfs_period_us`.
const PERIOD_US: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;
/// The kernel's least `cpu.cfs_quota_us`.
const QUOTA_US_MIN: u64 = 1_000;

/// Hard limit on CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuBandwidth {
    /// Only the weight decides.
    Unlimited,
    /// At most this much CPU time of all cores in each period.
    Quota {
        /// CPU time in microseconds, at least 1000.
        quota_us: u64,
        /// Length of the period in microseconds, 1000 to 1000000.
        period_us: u64,
    },
}

/// What a container may use of the CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuResources {
    /// Relative weight as cgroup v1 counts it, 2 to 262144; runtimes convert it for v2.
    pub shares: u64,
    /// Hard limit.
    pub bandwidth: CpuBandwidth,
    /// CPUs in the kernel's list format (`0-2,7`); empty means all of the parent's.
    pub cpuset_cpus: String,
    /// Memory nodes in the same format; empty means all of the parent's.
    pub cpuset_mems: String,
}

impl CpuResources {
    pub(super) fn into_spec(self) -> Result<LinuxCpu, BuildError> {
        let Self { shares, bandwidth, cpuset_cpus, cpuset_mems } = self;
        if !(SHARES_MIN..=SHARES_MAX).contains(&shares) {
            return Err(BuildError::Range { option: "CPU shares", value: shares, accepted: "2 to 262144" });
        }
        let (quota, period) = bandwidth.into_spec()?;
        let mut cpu = LinuxCpu::default();
        cpu.set_shares(Some(shares))
            .set_quota(quota)
            .set_period(period)
            .set_idle(None)
            .set_burst(None)
            .set_realtime_runtime(None)
            .set_realtime_period(None)
            .set_cpus(list(cpuset_cpus, |list| BuildError::CpuList { list })?)
            .set_mems(list(cpuset_mems, |list| BuildError::MemoryNodeList { list })?);
        Ok(cpu)
    }
}

impl CpuBandwidth {
    fn into_spec(self) -> Result<(Option<i64>, Option<u64>), BuildError> {
        let Self::Quota { quota_us, period_us } = self else { return Ok((None, None)) };
        if !PERIOD_US.contains(&period_us) {
            let accepted = "1000 to 1000000 µs";
            return Err(BuildError::Range { option: "CPU period", value: period_us, accepted });
        }
        let quota =
            i64::try_from(quota_us).ok().filter(|_| quota_us >= QUOTA_US_MIN).ok_or(BuildError::Range {
                option: "CPU quota",
                value: quota_us,
                accepted: "1000 µs and more",
            })?;
        Ok((Some(quota), Some(period_us)))
    }
}

/// A list as cpuset(7) describes it; empty means no list.
fn list(list: String, refused: impl FnOnce(String) -> BuildError) -> Result<Option<String>, BuildError> {
    if list.is_empty() {
        return Ok(None);
    }
    if check::is_id_list(&list) { Ok(Some(list)) } else { Err(refused(list)) }
}

/// Turns a task's MHz into CPU shares that the kernel accepts, as Nomad's docker driver does.
///
/// On a node with less than 262144 MHz in total (or an unknown total, 0) the MHz are the shares, at least 2; on a
/// larger one they are scaled so that a task that asks for all of it gets the kernel's maximum.
pub fn nomad_cpu_shares(requested_mhz: i64, node_total_mhz: u64) -> u64 {
    let requested = u64::try_from(requested_mhz).unwrap_or(0);
    let shares = if node_total_mhz < SHARES_MAX {
        requested
    } else {
        let scaled = u128::from(requested) * u128::from(SHARES_MAX) / u128::from(node_total_mhz);
        u64::try_from(scaled).unwrap_or(SHARES_MAX)
    };
    shares.clamp(SHARES_MIN, SHARES_MAX)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{CpuBandwidth, nomad_cpu_shares};
    use crate::testing::{base_plan, check, refused};

    #[test]
    fn shares_quota_and_cpus_are_written() {
        check(
            |plan| {
                plan.resources.cpu.shares = 500;
                plan.resources.cpu.bandwidth = CpuBandwidth::Quota { quota_us: 50_000, period_us: 100_000 };
                plan.resources.cpu.cpuset_cpus = "0-2,7".into();
            },
            expect![[r#"
                + linux.resources.cpu.cpus: "0-2,7"
                + linux.resources.cpu.period: 100000
                + linux.resources.cpu.quota: 50000
                ~ linux.resources.cpu.shares: 100 => 500
            "#]],
        );
    }

    #[test]
    fn what_the_kernel_would_not_take_is_refused() {
        refused(
            |plan| plan.resources.cpu.shares = 1,
            expect!["CPU shares is out of range: 1 (accepted: 2 to 262144)"],
        );
        refused(
            |plan| plan.resources.cpu.bandwidth = CpuBandwidth::Quota { quota_us: 5, period_us: 100_000 },
            expect!["CPU quota is out of range: 5 (accepted: 1000 µs and more)"],
        );
        refused(
            |plan| plan.resources.cpu.bandwidth = CpuBandwidth::Quota { quota_us: 5_000, period_us: 1 },
            expect!["CPU period is out of range: 1 (accepted: 1000 to 1000000 µs)"],
        );
    }

    #[test]
    fn only_the_kernels_list_format_is_taken() {
        for list in ["0-2,", "3-1", "+1", "a", "0 1", ",", "-1"] {
            let text = format!("{list:?} is not a list of CPUs such as \"0-2,7\"");
            let mut plan = base_plan();
            plan.resources.cpu.cpuset_cpus = list.into();
            assert_eq!(crate::build(plan).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn memory_nodes_are_written_in_the_same_format() {
        check(
            |plan| plan.resources.cpu.cpuset_mems = "0,2-3".into(),
            expect![[r#"
            + linux.resources.cpu.mems: "0,2-3"
        "#]],
        );
        refused(
            |plan| plan.resources.cpu.cpuset_mems = "node0".into(),
            expect![[r#""node0" is not a list of memory nodes such as "0-1,3""#]],
        );
    }

    #[test]
    fn shares_agree_with_the_docker_drivers_table() {
        let table = [
            (0, 0, 2),
            (-5, 1_000, 2),
            (1, 1_000, 2),
            (500, 1_000, 500),
            (262_144, 262_144, 262_144),
            (262_144, 262_145, 262_143),
            (2, 262_145, 2),
            (0, 262_145, 2),
            (262_144, 524_288, 131_072),
            (524_288, 524_288, 262_144),
        ];
        for (requested, total, expected) in table {
            assert_eq!(nomad_cpu_shares(requested, total), expected, "{requested} of {total}");
        }
    }

    proptest! {
        #[test]
        fn shares_are_always_what_the_kernel_takes(requested in any::<i64>(), total in any::<u64>()) {
            prop_assert!((2..=262_144).contains(&nomad_cpu_shares(requested, total)));
        }

        #[test]
        fn who_asks_for_more_never_gets_less(
            a in 0..1_000_000_i64, more in 0..1_000_000_i64, total in 1..2_000_000_u64,
        ) {
            prop_assert!(nomad_cpu_shares(a, total) <= nomad_cpu_shares(a + more, total));
        }
    }
}
