//! Limits of this process: open files and the capability bounding set.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capability_is_in_bounding_set};

/// Open-file limit of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// The limit that is enforced.
    pub soft: u64,
    /// How far it can be raised.
    pub hard: u64,
}

/// A limit was not changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot raise the limit of open files from {soft} to {hard}")]
pub struct LimitError {
    /// The limit that stays.
    pub soft: u64,
    /// The limit that was wanted.
    pub hard: u64,
    /// What the kernel said.
    #[source]
    pub source: Errno,
}

/// Raises the soft limit of open files to the hard one and returns both.
///
/// # Errors
/// [`LimitError`].
pub fn raise_open_files() -> Result<OpenFiles, LimitError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let hard = maximum.unwrap_or(u64::MAX);
    let soft = current.unwrap_or(u64::MAX);
    if soft < hard {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).map_err(|source| LimitError {
            soft,
            hard,
            source,
        })?;
    }
    Ok(OpenFiles { soft: hard, hard })
}

/// How many descriptors this process can still open.
///
/// # Errors
/// What the kernel says when it cannot be counted; without a free descriptor it cannot.
pub fn free_descriptors() -> std::io::Result<u64> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // The listing itself has one of them.
    let used = std::fs::read_dir("/proc/self/fd")?.count().saturating_sub(1);
    Ok(limit.saturating_sub(u64::try_from(used).unwrap_or(u64::MAX)))
}

/// The highest limit of open files that a process started here can be given: with `CAP_SYS_RESOURCE` the kernel's
/// (`fs.nr_open`, proc(5)), without it this process's own hard one.
pub fn open_files_ceiling() -> u64 {
    let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    if !bounding_capabilities().contains(&"CAP_SYS_RESOURCE") {
        return hard;
    }
    let of_kernel = std::fs::read_to_string("/proc/sys/fs/nr_open").ok();
    of_kernel.and_then(|text| text.trim().parse().ok()).unwrap_or(hard)
}

/// The names (`CAP_CHOWN` …) in this process's capability bounding set, by number. A capability that is newer
/// than this list is left out.
pub fn bounding_capabilities() -> Vec<&'static str> {
    (0_u32..)
        .zip(CAPABILITIES)
        .filter(|&(number, _)| {
            let one = CapabilitySet::from_bits_retain(1 << number);
            capability_is_in_bounding_set(one).unwrap_or(false)
        })
        .map(|(_, name)| name)
        .collect()
}

/// Every capability by its number (capabilities(7)).
const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_becomes_the_hard_one() {
        let raised = raise_open_files().unwrap();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(raised.soft, raised.hard);
        assert_eq!(now.current, now.maximum);
    }

    #[test]
    fn an_open_file_is_one_descriptor_less() {
        // Other tests open files at the same time, but not a thousand.
        let before = free_descriptors().unwrap();
        let files: Vec<_> = (0..1000).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();
        let opened = u64::try_from(files.len()).unwrap();
        let gone = before.saturating_sub(free_descriptors().unwrap());
        assert!(opened > 200 && gone.abs_diff(opened) < 200, "{gone} of {opened}");
    }

    #[test]
    fn no_limit_of_open_files_above_the_ceiling_can_be_set() {
        let own = getrlimit(Resource::Nofile);
        let above = Rlimit { current: own.current, maximum: open_files_ceiling().checked_add(1) };
        assert!(setrlimit(Resource::Nofile, above).is_err());
        assert!(own.maximum.is_none_or(|hard| hard <= open_files_ceiling()));
    }

    #[test]
    fn the_bounding_set_is_what_proc_shows() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap();
        let bits = u64::from_str_radix(line.trim(), 16).unwrap();
        let names: Vec<_> =
            (0..).zip(CAPABILITIES).filter(|(number, _)| bits & (1 << number) != 0).map(|(_, n)| n).collect();
        assert_eq!(bounding_capabilities(), names);
    }
}
