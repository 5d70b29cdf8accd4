//! Memory limit and reservation (`linux.resources.memory`).

use std::collections::HashMap;

use oci_spec::runtime::LinuxMemory;

use crate::{BuildError, CgroupMode};

const MIB: u64 = 1024 * 1024;

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
    /// Bytes that the kernel tries to leave to the container (v1 soft limit, v2 `memory.low`); 0 means none.
    pub reservation_bytes: u64,
    /// Whether the kernel counts swap.
    pub swap_accounting: SwapAccounting,
}

impl MemoryResources {
    /// Whether the task may have all memory, and is counted nevertheless. The spec's `swap` is memory and swap
    /// together, which says nothing without a limit: swap is kept off by the kernel's own files then.
    fn only_reserves(&self) -> bool {
        self.limit == MemoryLimit::Unlimited && self.reservation_bytes > 0
    }

    /// Files of cgroup v2 that the spec has no name for.
    pub(super) fn unified(&self, mode: CgroupMode) -> Option<HashMap<String, String>> {
        let swap_off = mode == CgroupMode::V2
            && self.only_reserves()
            && self.swap_accounting == SwapAccounting::Available;
        swap_off.then(|| [("memory.swap.max".to_owned(), "0".to_owned())].into())
    }

    pub(super) fn into_spec(self, mode: CgroupMode) -> Result<Option<LinuxMemory>, BuildError> {
        let swappiness = (mode == CgroupMode::V1 && self.only_reserves()).then_some(0);
        let Self { limit, reservation_bytes, swap_accounting } = self;
        let limit = match limit {
            MemoryLimit::Unlimited => None,
            MemoryLimit::Bytes(bytes) => Some(spec_bytes("memory limit", bytes)?),
        };
        let reservation = match reservation_bytes {
            0 => None,
            bytes => Some(spec_bytes("memory reservation", bytes)?),
        };
        if limit.is_none() && reservation.is_none() {
            return Ok(None);
        }
        // The spec's swap is memory and swap together: equal to the limit means no swap at all.
        let swap = match swap_accounting {
            SwapAccounting::Available => limit,
            SwapAccounting::Missing => None,
        };
        let mut memory = LinuxMemory::default();
        memory
            .set_limit(limit)
            .set_reservation(reservation)
            .set_swap(swap)
            .set_kernel(None)
            .set_kernel_tcp(None)
            .set_swappiness(swappiness)
            .set_disable_oom_killer(None)
            .set_use_hierarchy(None)
            .set_check_before_update(None);
        Ok(Some(memory))
    }
}

fn spec_bytes(option: &'static str, bytes: u64) -> Result<i64, BuildError> {
    let accepted = "1 to 9223372036854775807 bytes";
    i64::try_from(bytes).ok().filter(|&bytes| bytes > 0).ok_or(BuildError::Range {
        option,
        value: bytes,
        accepted,
    })
}

/// A task's memory as Nomad states it (`memory_mb` and `memory_max_mb` of its allocated resources).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NomadMemory {
    /// Mebibytes that the scheduler reserved; 0 when it reserved none.
    pub memory_mb: i64,
    /// Mebibytes that the task may reach: −1 means no hard limit, 0 means `memory_mb`.
    pub memory_max_mb: i64,
}

impl NomadMemory {
    /// The limits that these numbers stand for.
    ///
    /// Without a maximum `memory_mb` is the hard limit. With one the maximum is the hard limit and `memory_mb` the
    /// reservation; with −1 only the reservation stays.
    pub fn resources(self, swap_accounting: SwapAccounting) -> MemoryResources {
        let reserved = mib(self.memory_mb);
        let (limit, reservation_bytes) = match self.memory_max_mb {
            ..0 => (MemoryLimit::Unlimited, reserved),
            0 if reserved == 0 => (MemoryLimit::Unlimited, 0),
            0 => (MemoryLimit::Bytes(reserved), 0),
            max => (MemoryLimit::Bytes(mib(max)), reserved.min(mib(max))),
        };
        MemoryResources { limit, reservation_bytes, swap_accounting }
    }
}

fn mib(count: i64) -> u64 {
    let most = i64::MAX.unsigned_abs();
    u64::try_from(count).unwrap_or(0).saturating_mul(MIB).min(most)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{MIB, MemoryLimit, MemoryResources, NomadMemory, SwapAccounting};
    use crate::CgroupMode;
    use crate::testing::{check, refused};

    fn nomad(memory_mb: i64, memory_max_mb: i64) -> (MemoryLimit, u64) {
        let memory = NomadMemory { memory_mb, memory_max_mb }.resources(SwapAccounting::Available);
        (memory.limit, memory.reservation_bytes)
    }

    #[test]
    fn a_limit_has_no_swap_beside_it() {
        check(
            |plan| {
                plan.resources.memory = MemoryResources {
                    limit: MemoryLimit::Bytes(64 * MIB),
                    reservation_bytes: 32 * MIB,
                    swap_accounting: SwapAccounting::Available,
                };
            },
            expect![[r#"
                + linux.resources.memory: {"limit":67108864,"reservation":33554432,"swap":67108864}
            "#]],
        );
    }

    #[test]
    fn where_swap_is_not_counted_it_is_not_limited() {
        check(
            |plan| {
                plan.resources.memory = MemoryResources {
                    limit: MemoryLimit::Bytes(64 * MIB),
                    reservation_bytes: 0,
                    swap_accounting: SwapAccounting::Missing,
                };
            },
            expect![[r#"
                + linux.resources.memory: {"limit":67108864}
            "#]],
        );
    }

    #[test]
    fn without_a_limit_swap_is_kept_off_by_other_means() {
        let reserved = MemoryResources {
            limit: MemoryLimit::Unlimited,
            reservation_bytes: 32 * MIB,
            swap_accounting: SwapAccounting::Available,
        };
        check(
            |plan| plan.resources.memory = reserved,
            expect![[r#"
                + linux.resources.memory: {"reservation":33554432,"swappiness":0}
            "#]],
        );
        check(
            |plan| {
                plan.cgroup.mode = CgroupMode::V2;
                plan.resources.memory = reserved;
            },
            expect![[r#"
                + linux.resources.memory: {"reservation":33554432}
                + linux.resources.unified: {"memory.swap.max":"0"}
            "#]],
        );
        let uncounted = MemoryResources { swap_accounting: SwapAccounting::Missing, ..reserved };
        assert_eq!(uncounted.unified(CgroupMode::V2), None);
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        refused(
            |plan| plan.resources.memory.limit = MemoryLimit::Bytes(0),
            expect!["memory limit is out of range: 0 (accepted: 1 to 9223372036854775807 bytes)"],
        );
    }

    #[test]
    fn the_maximum_decides_what_the_reservation_means() {
        assert_eq!(nomad(64, 0), (MemoryLimit::Bytes(64 * MIB), 0));
        assert_eq!(nomad(64, 128), (MemoryLimit::Bytes(128 * MIB), 64 * MIB));
        assert_eq!(nomad(64, -1), (MemoryLimit::Unlimited, 64 * MIB));
        assert_eq!(nomad(0, 0), (MemoryLimit::Unlimited, 0));
        assert_eq!(nomad(-3, 0), (MemoryLimit::Unlimited, 0));
    }

    proptest! {
        #[test]
        fn the_numbers_always_have_a_spec(memory_mb in any::<i64>(), memory_max_mb in any::<i64>()) {
            let memory = NomadMemory { memory_mb, memory_max_mb }.resources(SwapAccounting::Available);
            prop_assert!(memory.into_spec(CgroupMode::V2).is_ok());
        }

        #[test]
        fn a_reservation_never_exceeds_the_limit(memory_mb in any::<i64>(), memory_max_mb in any::<i64>()) {
            if let (MemoryLimit::Bytes(limit), reservation) = nomad(memory_mb, memory_max_mb) {
                prop_assert!(reservation <= limit);
            }
        }
    }
}
