//! Processes told apart for sure: start times, pidfds, the boot id.

mod pidfd;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

pub use pidfd::{Exit, PidFd};

/// Why a process could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// No such process.
    #[error("process {pid} does not exist")]
    Gone {
        /// Its id.
        pid: u32,
    },
    /// A file of /proc could not be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file of /proc has an unknown form.
    #[error("{path:?} has no field {field}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        field: &'static str,
    },
    /// A system call failed.
    #[error("cannot {operation} process {pid}")]
    Call {
        /// What was attempted.
        operation: &'static str,
        /// The process.
        pid: u32,
        /// What the kernel said.
        source: Errno,
    },
}

/// When a process started, in clock ticks since boot (`/proc/<pid>/stat`, field 22). Together with the pid and
/// the boot id it names one process for ever.
///
/// # Errors
/// [`ProcessError::Gone`], [`ProcessError::Read`], [`ProcessError::Form`].
pub fn start_time(pid: u32) -> Result<u64, ProcessError> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let stat = std::fs::read(&path).map_err(|source| match Errno::from_io_error(&source) {
        Some(Errno::NOENT | Errno::SRCH) => ProcessError::Gone { pid },
        _ => ProcessError::Read { path: path.clone(), source },
    })?;
    start_time_of(&stat).ok_or(ProcessError::Form { path, field: "starttime" })
}

fn start_time_of(stat: &[u8]) -> Option<u64> {
    field(stat, 22)?.parse().ok()
}

/// A field of proc_pid_stat(5) by its number, from 3 on. Field 2 is the command in parentheses, which a process chooses
/// and which may hold any byte.
fn field(stat: &[u8], number: usize) -> Option<&str> {
    let end_of_command = stat.iter().rposition(|byte| *byte == b')')?;
    let after_command = std::str::from_utf8(stat.get(end_of_command + 1..)?).ok()?;
    after_command.split_ascii_whitespace().nth(number.checked_sub(3)?)
}

/// The start time of a process when it is not known: then its id alone decides which one it is.
const UNKNOWN: u64 = 0;

/// Whether the process that started at that time (0: at any) has not ended with all of its threads. What cannot be told,
/// for want of descriptors for instance, counts as alive: only a confirmed end is one.
pub fn is_alive(pid: u32, started: u64) -> bool {
    match start_time(pid) {
        Err(ProcessError::Gone { .. }) => return false,
        Ok(other) if started != UNKNOWN && other != started => return false,
        Ok(_) | Err(_) => {}
    }
    match PidFd::open(pid).and_then(|process| process.wait(Duration::ZERO)) {
        Err(ProcessError::Gone { .. }) | Ok(Exit::Ended) => false,
        Ok(Exit::Running) | Err(_) => true,
    }
}

/// Whether the first thread of the process that started at that time (0: at any) still runs. One that is on its way out
/// does not, be it that it waits for the others of its pid namespace or that its parent has not asked for its exit code yet.
pub fn is_running(pid: u32, started: u64) -> bool {
    let Ok(stat) = std::fs::read(format!("/proc/{pid}/stat")) else { return false };
    let flags = field(&stat, 9).and_then(|flags| flags.parse::<u64>().ok());
    let exiting = flags.is_none_or(|flags| flags & EXITING != 0);
    !exiting && (started == UNKNOWN || start_time_of(&stat) == Some(started))
}

/// `PF_EXITING` of the kernel's task flags (proc_pid_stat(5), field 9).
const EXITING: u64 = 0x4;

/// The id of this boot of the host (`/proc/sys/kernel/random/boot_id`).
///
/// # Errors
/// [`ProcessError::Read`].
pub fn boot_id() -> Result<String, ProcessError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(ProcessError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    use super::*;
    use crate::testing::on_both_kernels;

    const GONE: u32 = 2_000_000_000;

    #[test]
    fn a_command_with_spaces_and_parentheses_hides_no_field() {
        let stat = b"42 (a) b\xff(c) R 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 10 0\n";
        assert_eq!(start_time_of(stat), Some(987_654));
        assert_eq!(start_time_of(b"42 (a) R 1 2 3"), None);
        assert_eq!(start_time_of(b""), None);
    }

    #[test]
    fn this_process_keeps_its_start_time_and_a_child_starts_no_earlier() {
        let own = start_time(std::process::id()).unwrap();
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let later = start_time(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(start_time(std::process::id()).unwrap(), own);
        assert!(later >= own);
    }

    #[test]
    fn a_process_that_has_ended_does_not_run_though_it_can_be_seen() {
        on_both_kernels(|| {
            let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
            let started = start_time(child.id()).unwrap();
            assert!(is_running(child.id(), started));
            assert!(is_running(child.id(), 0) && is_alive(child.id(), 0), "an unknown start time");
            assert!(!is_running(child.id(), started + 1));
            child.kill().unwrap();
            assert_eq!(PidFd::open(child.id()).unwrap().wait(Duration::MAX).unwrap(), Exit::Ended);
            assert!(start_time(child.id()).is_ok());
            for started in [started, 0] {
                assert!(!is_running(child.id(), started) && !is_alive(child.id(), started));
            }
            child.wait().unwrap();
        });
    }

    #[test]
    fn a_process_of_another_start_or_none_is_not_alive() {
        on_both_kernels(|| {
            let own = start_time(std::process::id()).unwrap();
            assert!(is_alive(std::process::id(), own));
            assert!(!is_alive(std::process::id(), own + 1));
            assert!(!is_alive(GONE, 1));
        });
    }

    #[test]
    fn a_process_that_is_not_there_is_gone() {
        on_both_kernels(|| {
            assert!(matches!(start_time(GONE), Err(ProcessError::Gone { pid: GONE })));
            assert!(matches!(PidFd::open(GONE), Err(ProcessError::Gone { pid: GONE })));
            assert!(matches!(PidFd::open(0), Err(ProcessError::Gone { pid: 0 })));
        });
    }

    #[test]
    fn a_wait_tells_running_from_ended() {
        on_both_kernels(|| {
            let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
            let process = PidFd::open(child.id()).unwrap();
            assert_eq!(process.wait(Duration::ZERO).unwrap(), Exit::Running);
            process.kill().unwrap();
            assert_eq!(process.wait(Duration::MAX).unwrap(), Exit::Ended);
            child.wait().unwrap();
            process.kill().unwrap();
        });
    }

    #[test]
    fn the_boot_id_is_a_uuid() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }

    #[test]
    fn a_name_that_is_no_text_hides_no_process() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join(std::ffi::OsStr::from_bytes(b"\xff) R 1\xfe"));
        std::os::unix::fs::symlink("/bin/cat", &name).unwrap();
        let mut child = Command::new(&name).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let started = start_time(child.id());
        let runs = is_running(child.id(), 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(started.is_ok() && runs, "{started:?}");
    }
}
