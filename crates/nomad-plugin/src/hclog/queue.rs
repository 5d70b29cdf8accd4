//! The way of lines to the host: a queue with limits, and one thread that writes.
//!
//! A host that is stopped does not read, and a write to its full pipe waits for ever. So whoever logs only puts its
//! line into the queue. When there is no room the oldest lines go, and the host is told how many once it reads again.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::line::{Entry, Level, MAX_LINE};

/// How much waits for a host that does not read, in bytes.
const ROOM: usize = 16 * MAX_LINE;

/// Lines on their way to the host. Clones are the same queue.
#[derive(Clone, Debug)]
pub struct LineQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Something has come or gone.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<String>,
    bytes: usize,
    /// How many lines had to go since the host was last told.
    lost: u64,
    /// Whether the thread is in the middle of a write.
    writing: bool,
}

impl LineQueue {
    /// A queue whose lines go to `out`, one write for each.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn new(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write_to(out))?;
        Ok(Self(shared))
    }

    /// Puts a line at the end. It never waits for the host.
    pub fn push(&self, line: String) {
        self.0.lock().push(line);
        self.0.changed.notify_all();
    }

    /// Waits until the host has everything, or the time is over.
    pub fn flush(&self, limit: Duration) {
        let on_the_way = |waiting: &mut Waiting| waiting.writing || !waiting.lines.is_empty();
        // The time is over, or everything is written: it goes on in either case.
        let _ = self.0.changed.wait_timeout_while(self.0.lock(), limit, on_the_way);
    }
}

impl Waiting {
    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > ROOM && self.lines.len() > 1 {
            self.pop();
            self.lost += 1;
        }
    }

    fn pop(&mut self) -> Option<String> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }

    /// What is written next: that lines are lost stands where they are missing.
    fn next(&mut self) -> Option<String> {
        match std::mem::take(&mut self.lost) {
            0 => self.pop(),
            lost => Some(of_lost(lost).to_line()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: it lives as long as the process.
    fn write_to(&self, mut out: impl Write) {
        let mut waiting = self.lock();
        loop {
            match waiting.next() {
                Some(line) => {
                    waiting.writing = true;
                    drop(waiting);
                    // After the host's crash every write gives EPIPE, and there is no other place to tell.
                    let _nobody_reads = out.write_all(line.as_bytes());
                    waiting = self.lock();
                    waiting.writing = false;
                }
                None => {
                    self.changed.notify_all();
                    waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

fn of_lost(lines: u64) -> Entry {
    let message = "lines of the log are lost: the host did not read".to_owned();
    let mut entry = Entry::new(Level::Warn, message, "log", SystemTime::now());
    entry.field("lines", Value::from(lines));
    entry
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, pipe};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_are_written_in_their_order_and_can_be_waited_for() {
        let (reader, writer) = pipe().unwrap();
        let queue = LineQueue::new(writer).unwrap();
        for number in 0..100 {
            queue.push(format!("{number}\n"));
        }
        queue.flush(LONG);
        // All of it is in the pipe by now, so that nothing of this waits.
        let lines = BufReader::new(reader).lines().take(100).map(|line| line.unwrap().parse().unwrap());
        assert_eq!(lines.collect::<Vec<usize>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_host_that_does_not_read_holds_up_nobody_and_is_told_what_it_lost() {
        let (reader, writer) = pipe().unwrap();
        let queue = LineQueue::new(writer).unwrap();
        let count = 3 * ROOM / 100;
        // Each of these would wait for ever once the pipe is full.
        for number in 0..count {
            queue.push(format!("{number:099}\n"));
        }
        queue.flush(Duration::from_millis(10));
        queue.push("the last\n".to_owned());
        let (mut read, mut lost, mut next) = (0, 0, 0);
        for line in BufReader::new(reader).lines().map(Result::unwrap) {
            if line == "the last" {
                break;
            }
            match serde_json::from_str::<Value>(&line).ok().filter(Value::is_object) {
                Some(told) => {
                    lost += told["lines"].as_u64().and_then(|lines| usize::try_from(lines).ok()).unwrap()
                }
                None => {
                    let number: usize = line.parse().unwrap();
                    read += 1;
                    assert!(
                        number == next || number == next + lost,
                        "{number} after {next} with {lost} lost"
                    );
                    next = number + 1;
                }
            }
        }
        assert!(lost > 0 && read > 0);
        assert_eq!(read + lost, count);
    }

    #[test]
    fn a_host_that_is_gone_does_not_disturb() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let queue = LineQueue::new(writer).unwrap();
        queue.push("one\n".to_owned());
        queue.push("two\n".to_owned());
        queue.flush(LONG);
        assert!(queue.0.lock().lines.is_empty());
    }

    #[test]
    fn what_waits_has_a_limit_whatever_the_length_of_lines() {
        let mut waiting = Waiting::default();
        for _ in 0..1000 {
            waiting.push("x".repeat(MAX_LINE));
        }
        assert_eq!((waiting.lines.len(), waiting.bytes, waiting.lost), (16, ROOM, 984));
    }
}
