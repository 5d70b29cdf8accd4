//! What the files of cgroup v2 say.

use super::text::{Flat, single};
use super::{CpuSample, MemorySample};
use crate::cgroup::Controller;

/// The files of a sample, in the order of [`Texts`].
pub(super) const FILES: [(Controller, &str); 5] = [
    (Controller::Cpu, "cpu.stat"),
    (Controller::Memory, "memory.stat"),
    (Controller::Memory, "memory.current"),
    (Controller::Memory, "memory.peak"),
    (Controller::Memory, "memory.swap.current"),
];

/// The text of each file; `None` where there is none.
pub(super) type Texts<'a> = [Option<&'a str>; FILES.len()];

/// Reads `cpu.stat`, whose times are in microseconds.
pub(super) fn cpu([stat, ..]: Texts<'_>) -> CpuSample {
    let value = |key| stat.and_then(|text| Flat(text).get(key));
    let nanoseconds = |key| Some(value(key)?.saturating_mul(1000));
    CpuSample {
        usage_ns: nanoseconds("usage_usec"),
        user_ns: nanoseconds("user_usec"),
        system_ns: nanoseconds("system_usec"),
        throttled_periods: value("nr_throttled"),
        throttled_ns: nanoseconds("throttled_usec"),
    }
}

/// Reads the memory files; `memory.peak` is there since 5.19, `kernel` in `memory.stat` since 5.18.
pub(super) fn memory([_, stat, current, peak, swap]: Texts<'_>) -> MemorySample {
    let stat = |key| stat.and_then(|text| Flat(text).get(key));
    let parts = ["slab", "kernel_stack", "pagetables", "percpu", "sock", "vmalloc"];
    let sum = || {
        let known: Vec<u64> = parts.into_iter().filter_map(stat).collect();
        (!known.is_empty()).then(|| known.into_iter().fold(0, u64::saturating_add))
    };
    MemorySample {
        rss: stat("anon"),
        cache: stat("file"),
        swap: swap.and_then(single),
        mapped_file: stat("file_mapped"),
        usage: current.and_then(single),
        max_usage: peak.and_then(single),
        kernel_usage: stat("kernel").or_else(sum),
        kernel_max_usage: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU_STAT: &str = "\
usage_usec 1234567
user_usec 1000000
system_usec 234567
core_sched.force_idle_usec 0
nr_periods 120
nr_throttled 7
throttled_usec 3456
nr_bursts 0
burst_usec 0
";
    const MEMORY_STAT: &str = "\
anon 81920
file 40960
kernel 16384
kernel_stack 4096
pagetables 2048
sec_pagetables 0
percpu 64
sock 0
vmalloc 0
shmem 0
file_mapped 10240
slab 8192
";

    #[test]
    fn microseconds_become_nanoseconds() {
        let expected = CpuSample {
            usage_ns: Some(1_234_567_000),
            user_ns: Some(1_000_000_000),
            system_ns: Some(234_567_000),
            throttled_periods: Some(7),
            throttled_ns: Some(3_456_000),
        };
        assert_eq!(cpu([Some(CPU_STAT), None, None, None, None]), expected);
    }

    #[test]
    fn a_cgroup_without_the_cpu_controller_has_usage_only() {
        let cpu = cpu([Some("usage_usec 5\nuser_usec 3\nsystem_usec 2\n"), None, None, None, None]);
        assert_eq!((cpu.usage_ns, cpu.throttled_periods, cpu.throttled_ns), (Some(5_000), None, None));
    }

    #[test]
    fn recorded_memory_files_give_every_value() {
        let texts = [None, Some(MEMORY_STAT), Some("131072\n"), Some("262144\n"), Some("512\n")];
        let expected = MemorySample {
            rss: Some(81_920),
            cache: Some(40_960),
            swap: Some(512),
            mapped_file: Some(10_240),
            usage: Some(131_072),
            max_usage: Some(262_144),
            kernel_usage: Some(16_384),
            kernel_max_usage: None,
        };
        assert_eq!(memory(texts), expected);
    }

    #[test]
    fn an_older_kernel_names_its_own_memory_in_parts_and_has_no_peak() {
        let stat = "anon 1\nfile 2\nkernel_stack 4096\npagetables 2048\nslab 8192\nsock 1\n";
        let memory = memory([None, Some(stat), Some("131072\n"), None, None]);
        assert_eq!(memory.kernel_usage, Some(4096 + 2048 + 8192 + 1));
        assert_eq!((memory.max_usage, memory.swap), (None, None));
    }
}
