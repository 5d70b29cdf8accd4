//! A signal to exactly one process, named by its id and start time.

use rustix::process::Signal;

use crate::process::{PidFd, ProcessError};

/// Sends signal `number` to the process `pid` that started at `start_time` (see [`crate::process::start_time`]); another
/// process that has the id by now gets none.
///
/// # Errors
/// [`ProcessError::Gone`] when that process has ended, [`ProcessError::Call`].
pub fn send(pid: u32, start_time: u64, number: i32) -> Result<(), ProcessError> {
    let process = PidFd::of_start(pid, start_time)?;
    let source = rustix::io::Errno::INVAL;
    let unknown = ProcessError::Call { operation: "signal", pid, source };
    process.signal(Signal::from_named_raw(number).ok_or(unknown)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;
    use crate::process;
    use crate::testing::on_both_kernels;

    #[test]
    fn only_the_process_of_that_start_time_gets_the_signal() {
        on_both_kernels(|| {
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            let started = process::start_time(child.id()).unwrap();
            assert!(matches!(send(child.id(), started + 1, 15), Err(ProcessError::Gone { .. })));
            assert!(child.try_wait().unwrap().is_none());
            send(child.id(), started, 15).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(15));
        });
    }
}
