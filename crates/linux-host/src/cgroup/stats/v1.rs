//! What the files of cgroup v1 say.

use super::text::{Flat, single};
use super::{CpuSample, MemorySample};
use crate::cgroup::Controller;

/// The files of a sample, in the order of [`Texts`].
pub(super) const FILES: [(Controller, &str); 8] = [
    (Controller::Cpuacct, "cpuacct.usage"),
    (Controller::Cpuacct, "cpuacct.stat"),
    (Controller::Cpu, "cpu.stat"),
    (Controller::Memory, "memory.stat"),
    (Controller::Memory, "memory.usage_in_bytes"),
    (Controller::Memory, "memory.max_usage_in_bytes"),
    (Controller::Memory, "memory.kmem.usage_in_bytes"),
    (Controller::Memory, "memory.kmem.max_usage_in_bytes"),
];

/// The text of each file; `None` where there is none.
pub(super) type Texts<'a> = [Option<&'a str>; FILES.len()];

/// Nanoseconds in a tick of `cpuacct.stat`: `USER_HZ` is 100 on every architecture that containerd runs on.
const TICK_NS: u64 = 10_000_000;

/// Reads the CPU files: usage in nanoseconds, user and system in ticks, throttling in nanoseconds.
pub(super) fn cpu([usage, stat, throttling, ..]: Texts<'_>) -> CpuSample {
    let ticks = |key| Some(stat.and_then(|text| Flat(text).get(key))?.saturating_mul(TICK_NS));
    let throttled = |key| throttling.and_then(|text| Flat(text).get(key));
    CpuSample {
        usage_ns: usage.and_then(single),
        user_ns: ticks("user"),
        system_ns: ticks("system"),
        throttled_periods: throttled("nr_throttled"),
        throttled_ns: throttled("throttled_time"),
    }
}

/// Reads the memory files. `total_…` counts the cgroups beneath too; kernels without hierarchy have only the other.
pub(super) fn memory([.., stat, usage, max, kernel, kernel_max]: Texts<'_>) -> MemorySample {
    let stat = |total, own| {
        let stat = Flat(stat?);
        stat.get(total).or_else(|| stat.get(own))
    };
    MemorySample {
        rss: stat("total_rss", "rss"),
        cache: stat("total_cache", "cache"),
        swap: stat("total_swap", "swap"),
        mapped_file: stat("total_mapped_file", "mapped_file"),
        usage: usage.and_then(single),
        max_usage: max.and_then(single),
        kernel_usage: kernel.and_then(single),
        kernel_max_usage: kernel_max.and_then(single),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const CPU_STAT: &str = "nr_periods 120\nnr_throttled 7\nthrottled_time 3456789\n";
    const MEMORY_STAT: &str = "\
cache 4096
rss 8192
rss_huge 0
mapped_file 1024
swap 0
hierarchical_memory_limit 67108864
hierarchical_memsw_limit 67108864
total_cache 40960
total_rss 81920
total_rss_huge 0
total_mapped_file 10240
total_swap 512
";

    #[test]
    fn recorded_files_give_every_value() {
        let texts = [
            "1234567890\n",
            "user 45\nsystem 12\n",
            CPU_STAT,
            MEMORY_STAT,
            "131072\n",
            "262144\n",
            "16384\n",
            "32768\n",
        ]
        .map(Some);
        expect![[r#"
            CpuSample {
                usage_ns: Some(
                    1234567890,
                ),
                user_ns: Some(
                    450000000,
                ),
                system_ns: Some(
                    120000000,
                ),
                throttled_periods: Some(
                    7,
                ),
                throttled_ns: Some(
                    3456789,
                ),
            }
        "#]]
        .assert_debug_eq(&cpu(texts));
        let expected = MemorySample {
            rss: Some(81_920),
            cache: Some(40_960),
            swap: Some(512),
            mapped_file: Some(10_240),
            usage: Some(131_072),
            max_usage: Some(262_144),
            kernel_usage: Some(16_384),
            kernel_max_usage: Some(32_768),
        };
        assert_eq!(memory(texts), expected);
    }

    #[test]
    fn missing_files_and_lines_are_absent_values() {
        assert_eq!(cpu([None; 8]), CpuSample::default());
        assert_eq!(memory([None; 8]), MemorySample::default());
        let mut texts = [None; 8];
        texts[3] = Some("cache 1\nrss 2\nmapped_file 3\n");
        let memory = memory(texts);
        assert_eq!((memory.cache, memory.rss, memory.mapped_file), (Some(1), Some(2), Some(3)));
        assert_eq!(memory.swap, None, "without swap accounting there is no line");
    }
}
