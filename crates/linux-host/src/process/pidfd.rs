//! A process held by a descriptor.
//!
//! Kernels before 5.3 give no pidfd. There the directory of the process in /proc is held: it belongs to that process for
//! ever and is empty once the process is gone. No event tells the end then, so it is looked for.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::{ProcessError, UNKNOWN, field, start_time};
use crate::newer::NewerCall;

/// pidfd_open(2) is there since 5.3.
static PIDFD_OPEN: NewerCall = NewerCall::new();
/// pidfd_send_signal(2) is there since 5.1, and takes a directory of /proc as well.
static PIDFD_SEND_SIGNAL: NewerCall = NewerCall::new();

/// Pauses between two looks for the end of a process.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(256)];

/// A process held by a descriptor, so that its id cannot come to mean another one.
#[derive(Debug)]
pub struct PidFd {
    pid: Pid,
    held: Held,
}

#[derive(Debug)]
enum Held {
    PidFd(OwnedFd),
    /// Its directory in /proc.
    Directory(OwnedFd),
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
        let opened = PIDFD_OPEN.run(|| pidfd_open(raw, PidfdFlags::empty()).map(Held::PidFd));
        match opened.unwrap_or_else(|| open_directory(pid).map(Held::Directory)) {
            Ok(held) => Ok(Self { pid: raw, held }),
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
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// A descriptor that is readable once the process has ended, where the kernel has such ones.
    pub fn pollable(&self) -> Option<BorrowedFd<'_>> {
        match &self.held {
            Held::PidFd(fd) => Some(fd.as_fd()),
            Held::Directory(_) => None,
        }
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
        let sent = match &self.held {
            Held::PidFd(fd) => pidfd_send_signal(fd, signal),
            Held::Directory(directory) => self.signal_by_id(directory, signal),
        };
        sent.map_err(|source| self.failed("signal", source))
    }

    /// Signals the process of a directory of /proc. Where the kernel takes ids alone, it is there just before: its id would
    /// have to be given away and all other ids to be used up in between for another process to get the signal.
    fn signal_by_id(&self, directory: &OwnedFd, signal: Signal) -> Result<(), Errno> {
        let sent = PIDFD_SEND_SIGNAL.run(|| pidfd_send_signal(directory, signal));
        sent.unwrap_or_else(|| {
            stat(directory)?;
            kill_process(self.pid, signal)
        })
    }

    /// Blocks until the process ends or `timeout` is over.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub fn wait(&self, timeout: Duration) -> Result<Exit, ProcessError> {
        let start = Instant::now();
        let [mut pause, longest] = PAUSES;
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let waited = match &self.held {
                Held::PidFd(fd) => wait_for(&mut [PollFd::new(fd, PollFlags::IN)], left),
                Held::Directory(directory) => match has_ended(directory) {
                    Ok(false) if !left.is_zero() => wait_for(&mut [], pause.min(left)).and(Err(Errno::INTR)),
                    other => other,
                },
            };
            match waited {
                Ok(true) => return Ok(Exit::Ended),
                Ok(false) => return Ok(Exit::Running),
                Err(Errno::INTR) => pause = longest.min(pause * 2),
                Err(source) => return Err(self.failed("wait for", source)),
            }
        }
    }

    fn failed(&self, operation: &'static str, source: Errno) -> ProcessError {
        match source {
            Errno::SRCH => ProcessError::Gone { pid: self.pid() },
            source => ProcessError::Call { operation, pid: self.pid(), source },
        }
    }
}

/// Whether one of these is readable before the time is over.
fn wait_for(descriptors: &mut [PollFd<'_>], time: Duration) -> Result<bool, Errno> {
    // A time that does not fit is as good as for ever.
    Ok(rustix::event::poll(descriptors, Timespec::try_from(time).ok().as_ref())? > 0)
}

fn open_directory(pid: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, format!("/proc/{pid}"), flags, Mode::empty()).map_err(gone)
}

/// The text of proc_pid_stat(5).
fn stat(directory: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, "stat", flags, Mode::empty()).map_err(gone)?;
    let mut text = Vec::new();
    let read = File::from(file).read_to_end(&mut text);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(text)
}

/// A process that has gone has no files.
fn gone(errno: Errno) -> Errno {
    if errno == Errno::NOENT { Errno::SRCH } else { errno }
}

fn has_ended(directory: &OwnedFd) -> Result<bool, Errno> {
    match stat(directory) {
        Err(Errno::SRCH) => Ok(true),
        other => Ok(tells_end(&other?)),
    }
}

/// Whether all threads have ended, as a pidfd tells it. The first one stays to be asked for the exit code, also while
/// others still run.
fn tells_end(stat: &[u8]) -> bool {
    let threads = field(stat, 20).and_then(|count| count.parse::<u64>().ok());
    matches!(field(stat, 3), Some("Z" | "X")) && threads.is_some_and(|count| count <= 1)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::testing::on_both_kernels;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_process_that_was_asked_for_its_code_is_gone_for_its_holder() {
        on_both_kernels(|| {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            let process = PidFd::open(child.id()).unwrap();
            process.signal(Signal::TERM).unwrap();
            assert_eq!(process.wait(LONG).unwrap(), Exit::Ended);
            child.wait().unwrap();
            assert_eq!(process.wait(Duration::ZERO).unwrap(), Exit::Ended);
            assert!(matches!(process.signal(Signal::TERM), Err(ProcessError::Gone { .. })));
        });
    }

    #[test]
    fn a_wait_ends_with_the_process_and_not_before() {
        on_both_kernels(|| {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            let process = PidFd::open(child.id()).unwrap();
            assert_eq!(process.wait(Duration::from_millis(20)).unwrap(), Exit::Running);
            let input = child.stdin.take();
            std::thread::scope(|scope| {
                let waits = scope.spawn(|| process.wait(LONG).unwrap());
                drop(input);
                assert_eq!(waits.join().unwrap(), Exit::Ended);
            });
            child.wait().unwrap();
        });
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_runs_on() {
        let stat = |state: &str, threads: u32| {
            format!("42 (a) {state} 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 9 0 0\n").into_bytes()
        };
        assert!(tells_end(&stat("Z", 1)) && tells_end(&stat("X", 0)));
        assert!(!tells_end(&stat("Z", 2)) && !tells_end(&stat("S", 1)) && !tells_end(b""));
    }
}
