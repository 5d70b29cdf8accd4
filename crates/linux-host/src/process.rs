//! Processes told apart for sure: start times, pidfds, the boot id.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

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
    let text = std::fs::read_to_string(&path).map_err(|source| match Errno::from_io_error(&source) {
        Some(Errno::NOENT | Errno::SRCH) => ProcessError::Gone { pid },
        _ => ProcessError::Read { path: path.clone(), source },
    })?;
    parse_start_time(&text).ok_or(ProcessError::Form { path, field: "starttime" })
}

/// Field 22 of proc_pid_stat(5). Field 2 is the command in parentheses and may itself hold any character.
fn parse_start_time(stat: &str) -> Option<u64> {
    let (_, after_command) = stat.rsplit_once(')')?;
    after_command.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
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
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let flags = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(9 - 3));
    let exiting = flags.and_then(|flags| flags.parse::<u64>().ok()).is_none_or(|flags| flags & EXITING != 0);
    !exiting && (started == UNKNOWN || parse_start_time(&stat) == Some(started))
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

/// A process held by a descriptor, so that its id cannot come to mean another one.
#[derive(Debug)]
pub struct PidFd {
    pid: u32,
    fd: OwnedFd,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The process has ended.
    Ended,
    /// The time is over and it still runs.
    Running,
}

impl PidFd {
    /// Opens the process.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] or [`ProcessError::Call`].
    pub fn open(pid: u32) -> Result<Self, ProcessError> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(ProcessError::Gone { pid })?;
        match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => Ok(Self { pid, fd }),
            Err(Errno::SRCH) => Err(ProcessError::Gone { pid }),
            Err(source) => Err(ProcessError::Call { operation: "open", pid, source }),
        }
    }

    /// Opens the process that started at that time (see [`start_time`]); another one that has the id by now is none. What is
    /// done to a process needs certainty: no process has started at 0, which elsewhere stands for an unknown time.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] when that process has ended, [`ProcessError::Call`].
    pub fn of_start(pid: u32, started: u64) -> Result<Self, ProcessError> {
        let process = Self::open(pid)?;
        match started == UNKNOWN || start_time(pid)? == started {
            true => Ok(process),
            false => Err(ProcessError::Gone { pid }),
        }
    }

    /// The id it was opened by.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends SIGKILL; a process that has ended already is success.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub fn kill(&self) -> Result<(), ProcessError> {
        match self.signal(Signal::KILL) {
            Err(ProcessError::Gone { .. }) => Ok(()),
            other => other,
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] when it has ended and its exit code was taken, [`ProcessError::Call`].
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) => Ok(()),
            Err(Errno::SRCH) => Err(ProcessError::Gone { pid: self.pid }),
            Err(source) => Err(ProcessError::Call { operation: "signal", pid: self.pid, source }),
        }
    }

    /// Blocks until the process ends or `timeout` is over.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub fn wait(&self, timeout: Duration) -> Result<Exit, ProcessError> {
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
            // A time that does not fit is as good as for ever.
            match rustix::event::poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
                Ok(0) => return Ok(Exit::Running),
                Ok(_) => return Ok(Exit::Ended),
                Err(Errno::INTR) => {}
                Err(source) => {
                    return Err(ProcessError::Call { operation: "wait for", pid: self.pid, source });
                }
            }
        }
    }
}

/// Readable once the process has ended.
impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const GONE: u32 = 2_000_000_000;

    #[test]
    fn a_command_with_spaces_and_parentheses_hides_no_field() {
        let stat = "42 (a) b (c) R 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 10 0\n";
        assert_eq!(parse_start_time(stat), Some(987_654));
        assert_eq!(parse_start_time("42 (a) R 1 2 3"), None);
        assert_eq!(parse_start_time(""), None);
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
    }

    #[test]
    fn a_process_of_another_start_or_none_is_not_alive() {
        let own = start_time(std::process::id()).unwrap();
        assert!(is_alive(std::process::id(), own));
        assert!(!is_alive(std::process::id(), own + 1));
        assert!(!is_alive(GONE, 1));
    }

    #[test]
    fn a_process_that_is_not_there_is_gone() {
        assert!(matches!(start_time(GONE), Err(ProcessError::Gone { pid: GONE })));
        assert!(matches!(PidFd::open(GONE), Err(ProcessError::Gone { pid: GONE })));
        assert!(matches!(PidFd::open(0), Err(ProcessError::Gone { pid: 0 })));
    }

    #[test]
    fn a_wait_tells_running_from_ended() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let process = PidFd::open(child.id()).unwrap();
        assert_eq!(process.wait(Duration::ZERO).unwrap(), Exit::Running);
        process.kill().unwrap();
        assert_eq!(process.wait(Duration::MAX).unwrap(), Exit::Ended);
        child.wait().unwrap();
        process.kill().unwrap();
    }

    #[test]
    fn the_boot_id_is_a_uuid() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }
}
