//! Killing every process of a cgroup.

use std::path::{Component, Path};
use std::time::{Duration, Instant};

use super::error::io;
use super::task::is_gone;
use super::{CgroupError, Controller, TaskCgroup};
use crate::process::{Exit, PidFd, ProcessError};

impl TaskCgroup {
    /// Sends SIGKILL to every process and blocks until all have ended, at most for `timeout`. A cgroup that does
    /// not exist is success.
    ///
    /// On v2 the kernel does it at once (`cgroup.kill`, since 5.14). Else the processes are frozen where there is a
    /// freezer, killed, thawed and waited for, again until none is left, since a process may have forked.
    ///
    /// # Errors
    /// [`CgroupError::StillAlive`] after the time, [`CgroupError::NotOfTask`] for the root of the hierarchy,
    /// [`CgroupError::Kill`], [`CgroupError::Io`].
    pub fn kill_all(&self, timeout: Duration) -> Result<(), CgroupError> {
        let mut parts = self.path().components().filter(|part| *part != Component::RootDir).peekable();
        if parts.peek().is_none() || !parts.all(|part| matches!(part, Component::Normal(_))) {
            return Err(CgroupError::NotOfTask { path: self.path().to_owned() });
        }
        let start = Instant::now();
        let freezer = self.directory(Controller::Freezer).map(|directory| directory.join("freezer.state"));
        loop {
            let directory = match self.any_directory() {
                Err(CgroupError::Gone { .. }) => return Ok(()),
                other => other?,
            };
            let by_kernel = write_if_there(&directory.join("cgroup.kill"), "1")?;
            let processes =
                if by_kernel { self.open_processes()? } else { self.kill_frozen(freezer.as_deref())? };
            if processes.is_empty() {
                return Ok(());
            }
            for (place, process) in processes.iter().enumerate() {
                let left = timeout.saturating_sub(start.elapsed());
                let waited = process.wait(left).map_err(|source| self.kill_error(source))?;
                if waited == Exit::Running {
                    return Err(CgroupError::StillAlive {
                        path: self.path().to_owned(),
                        count: processes.len() - place,
                    });
                }
            }
        }
    }

    /// Kills what is there while nothing can fork, where the cgroup can be frozen.
    fn kill_frozen(&self, freezer: Option<&Path>) -> Result<Vec<PidFd>, CgroupError> {
        let frozen = match freezer {
            Some(state) => write_if_there(state, "FROZEN")?,
            None => false,
        };
        let killed = self.open_processes().and_then(|processes| {
            processes.iter().try_for_each(PidFd::kill).map_err(|source| self.kill_error(source))?;
            Ok(processes)
        });
        if let (true, Some(state)) = (frozen, freezer) {
            write_if_there(state, "THAWED")?;
        }
        killed
    }

    /// The living processes as descriptors. A process that was listed before and after it was opened is the listed
    /// one: its id did not pass to another in between.
    fn open_processes(&self) -> Result<Vec<PidFd>, CgroupError> {
        let mut processes = Vec::new();
        for pid in self.pids_if_there()? {
            match PidFd::open(pid) {
                Ok(process) => processes.push(process),
                Err(ProcessError::Gone { .. }) => {}
                Err(source) => return Err(self.kill_error(source)),
            }
        }
        let still = self.pids_if_there()?;
        processes.retain(|process| still.binary_search(&process.pid()).is_ok());
        // Some kernels list a process until its parent has asked for its exit code.
        let mut living = Vec::with_capacity(processes.len());
        for process in processes {
            if process.wait(Duration::ZERO).map_err(|source| self.kill_error(source))? == Exit::Running {
                living.push(process);
            }
        }
        Ok(living)
    }

    fn pids_if_there(&self) -> Result<Vec<u32>, CgroupError> {
        match self.pids() {
            Err(CgroupError::Gone { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    fn kill_error(&self, source: ProcessError) -> CgroupError {
        CgroupError::Kill { path: self.path().to_owned(), source }
    }
}

/// Writes a file of a cgroup; `false` when there is none.
fn write_if_there(path: &Path, text: &str) -> Result<bool, CgroupError> {
    use std::io::Write as _;
    let written =
        std::fs::File::options().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(io("write", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::cgroup::CgroupMounts;
    use crate::cgroup::testing::{Scratch, sleeper};
    use crate::testing::on_both_kernels;

    /// More than any machine needs to let a killed process end.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn every_process_is_dead_when_it_returns() {
        on_both_kernels(|| {
            let scratch = Scratch::new();
            let mut children: Vec<_> = (0..5).map(|_| sleeper()).collect();
            for child in &children {
                scratch.join(child);
            }
            let inner = sleeper();
            scratch.join_inner(&inner);
            children.push(inner);
            scratch.cgroup().kill_all(LONG).unwrap();
            for child in &mut children {
                assert_eq!(child.wait().unwrap().signal(), Some(9));
            }
            assert!(scratch.cgroup().pids().unwrap().is_empty());
        });
    }

    #[test]
    fn a_process_that_forks_all_the_time_does_not_get_away() {
        on_both_kernels(|| {
            let scratch = Scratch::new();
            let script = "read go; while :; do : & done";
            let mut forking = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
            scratch.join(&forking);
            forking.stdin.take().unwrap().write_all(b"go\n").unwrap();
            scratch.cgroup().kill_all(LONG).unwrap();
            assert!(scratch.cgroup().pids().unwrap().is_empty());
            assert_eq!(forking.wait().unwrap().signal(), Some(9));
        });
    }

    #[test]
    fn what_has_ended_but_was_not_asked_for_its_code_is_not_alive() {
        on_both_kernels(|| {
            let scratch = Scratch::new();
            let mut child = sleeper();
            scratch.join(&child);
            let process = PidFd::open(child.id()).unwrap();
            process.kill().unwrap();
            assert_eq!(process.wait(LONG).unwrap(), Exit::Ended);
            scratch.cgroup().kill_all(Duration::ZERO).unwrap();
            child.wait().unwrap();
        });
    }

    #[test]
    fn an_empty_and_a_missing_cgroup_are_success() {
        Scratch::new().cgroup().kill_all(Duration::ZERO).unwrap();
        let none = TaskCgroup::new(CgroupMounts::read().unwrap(), Path::new("/no-such-cgroup"));
        none.kill_all(Duration::ZERO).unwrap();
    }

    #[test]
    fn the_root_of_the_hierarchy_is_not_killed() {
        // Should it look, there is nothing.
        let mounts = CgroupMounts::parse("1 2 0:3 / /no-such-mount rw - cgroup2 cgroup2 rw").unwrap();
        for path in ["", "/", "//", "/.", "..", "/task/../.."] {
            let outcome = TaskCgroup::new(mounts.clone(), Path::new(path)).kill_all(Duration::ZERO);
            assert!(matches!(outcome, Err(CgroupError::NotOfTask { .. })), "{path}: {outcome:?}");
        }
    }
}
