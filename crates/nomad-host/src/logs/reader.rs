//! Reads one log pipe to its end.
//!
//! The reader keeps a writing end of its own until the task has ended, so that the pipe has no end
//! before the first writer comes, nor between two writers. After that the end is the moment when
//! the last writer closes; a writer that never does is given a limited time.

use crate::logs::lines::LineCutter;
use crate::logs::rotation::{RotatingFile, RotationError};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// The size of one read, in bytes: a pipe's usual capacity.
const CHUNK: usize = 64 * 1024;

/// The ends and consumers of one pipe.
pub(super) struct PipeReader {
    pub(super) pipe: Receiver,
    pub(super) own_writer: OwnedFd,
    pub(super) consumers: Consumers,
}

/// Where the bytes go.
pub(super) struct Consumers {
    lines: LineCutter,
    file: Option<RotatingFile>,
    outcome: Result<(), RotationError>,
}

impl Consumers {
    pub(super) fn new(lines: LineCutter, file: Option<RotatingFile>) -> Self {
        Self { lines, file, outcome: Ok(()) }
    }

    /// Whether there may be more.
    fn take(&mut self, read: std::io::Result<usize>, buffer: &[u8]) -> bool {
        let Ok(count @ 1..) = read else { return false };
        let bytes = &buffer[..count];
        self.lines.push(bytes);
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(bytes)
        {
            self.outcome = Err(error);
            self.file = None;
        }
        true
    }
}

impl PipeReader {
    /// Reads until the end. The grace time comes through `task_ended`; a dropped sender counts as
    /// a task that has ended, without grace.
    ///
    /// A log file that cannot be written any more is given up and reported at the end; lines go on.
    pub(super) async fn run(self, mut task_ended: oneshot::Receiver<Duration>) -> Result<(), RotationError> {
        let Self { mut pipe, own_writer, mut consumers } = self;
        let mut buffer = vec![0; CHUNK];
        let grace = loop {
            tokio::select! {
                read = pipe.read(&mut buffer) => {
                    if !consumers.take(read, &buffer) {
                        break Duration::ZERO;
                    }
                }
                grace = &mut task_ended => break grace.unwrap_or_default(),
            }
        };
        drop(own_writer);
        let deadline = Instant::now() + grace;
        loop {
            tokio::select! {
                // What is in the pipe is read even when the time is over.
                biased;
                read = pipe.read(&mut buffer) => {
                    if !consumers.take(read, &buffer) {
                        break;
                    }
                }
                () = sleep_until(deadline) => break,
            }
        }
        consumers.lines.finish();
        consumers.outcome
    }
}
