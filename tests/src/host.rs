//! What a test looks up on the host: processes, the names of containers.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use linux_host::cgroup::CgroupMode;

use crate::cgroup;

/// The processes that have this very word among their arguments.
pub fn processes_with(word: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    };
    pids.filter(has).collect()
}

/// A sleep that no other process of this host has, by which a test finds its own.
#[derive(Debug)]
pub struct Sleep(String);

impl Sleep {
    /// A new one, longer than any test.
    pub fn unique() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(100);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("1{:06}{number}", std::process::id() % 1_000_000))
    }

    /// Its argument.
    pub fn seconds(&self) -> &str {
        &self.0
    }

    /// The words of a script that run it.
    pub fn script(&self) -> String {
        format!("sleep {}", self.0)
    }

    /// The processes that are it.
    pub fn processes(&self) -> Vec<u32> {
        processes_with(&self.0)
    }

    /// Whether there is such a process.
    pub fn runs(&self) -> bool {
        !self.processes().is_empty()
    }
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// How many threads of a process have this name.
pub fn threads(pid: u32, name: &str) -> usize {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    // One that has ended meanwhile has none.
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names.filter(|found| found.trim_end() == name).count()
}

/// A number of a process's `status`, such as that of `PPid` or, in KiB, of `VmRSS`.
pub fn status(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

/// Whether a process has ended, be it that its parent has not taken note yet.
pub fn is_gone(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.contains("State:") || status.contains("State:\tZ")
}

/// The documented id of the container of a task.
pub fn container_id(alloc_id: &str, task: &str) -> String {
    match cgroup::mode() {
        CgroupMode::V1 => format!("{task}-{alloc_id}"),
        CgroupMode::V2 => format!("{alloc_id}.{task}.scope"),
    }
}

/// The id of a namespace of a process, such as `net:[4026531840]`.
pub fn namespace_of(pid: u32, kind: &str) -> String {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap().display().to_string()
}
