//! Paths of the kernel's file systems that a container does not see, or can not write.

const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

const READONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Paths that are hidden behind an empty file or directory.
pub(crate) fn masked() -> Vec<String> {
    MASKED.map(str::to_owned).into()
}

/// Paths that are remounted read-only.
pub(crate) fn readonly() -> Vec<String> {
    READONLY.map(str::to_owned).into()
}
