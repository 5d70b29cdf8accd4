//! Bytes of a log stream cut into lines.

use std::sync::Arc;

/// The longest piece that is held back for its line feed, in bytes.
const LONGEST: usize = 64 * 1024;

/// One of a task's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogStream {
    /// `stdout` or `stderr`, as in the names of pipes and files.
    pub fn name(self) -> &'static str {
        match self {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
        }
    }
}

/// One line of a task's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLine {
    /// The task's name.
    pub task: Arc<str>,
    /// Which stream it came on.
    pub stream: LogStream,
    /// The line without its line feed. A line over 64 KiB comes in pieces.
    pub bytes: Vec<u8>,
    /// Whether a line feed followed; only the last line of a stream may lack it, and pieces do.
    pub complete: bool,
}

/// Receives every line. It is called on the reader's task and must not block.
pub type LineSink = Arc<dyn Fn(TaskLine) + Send + Sync>;

/// Cuts one stream into lines.
pub(super) struct LineCutter {
    task: Arc<str>,
    stream: LogStream,
    sink: LineSink,
    held: Vec<u8>,
}

impl LineCutter {
    pub(super) fn new(task: Arc<str>, stream: LogStream, sink: LineSink) -> Self {
        Self { task, stream, sink, held: Vec::new() }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.held.extend_from_slice(&bytes[..end]);
            self.emit(true);
            bytes = &bytes[end + 1..];
        }
        self.held.extend_from_slice(bytes);
        while self.held.len() > LONGEST {
            let rest = self.held.split_off(LONGEST);
            self.emit(false);
            self.held = rest;
        }
    }

    /// Gives out what came after the last line feed.
    pub(super) fn finish(&mut self) {
        if !self.held.is_empty() {
            self.emit(false);
        }
    }

    fn emit(&mut self, complete: bool) {
        let bytes = std::mem::take(&mut self.held);
        (self.sink)(TaskLine { task: self.task.clone(), stream: self.stream, bytes, complete });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;

    fn cut(chunks: &[Vec<u8>]) -> Vec<TaskLine> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink: LineSink = {
            let lines = lines.clone();
            Arc::new(move |line| lines.lock().unwrap().push(line))
        };
        let mut cutter = LineCutter::new("web".into(), LogStream::Stdout, sink);
        for chunk in chunks {
            cutter.push(chunk);
        }
        cutter.finish();
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn the_last_line_is_given_out_without_its_line_feed() {
        let lines = cut(&[b"a\nb".to_vec(), b"c".to_vec()]);
        let seen: Vec<_> = lines.iter().map(|line| (line.bytes.as_slice(), line.complete)).collect();
        assert_eq!(seen, [(b"a".as_slice(), true), (b"bc".as_slice(), false)]);
    }

    #[test]
    fn a_line_without_end_is_given_out_in_pieces() {
        let lines = cut(&[vec![b'x'; LONGEST * 2 + 1], b"\n".to_vec()]);
        let lengths: Vec<_> = lines.iter().map(|line| (line.bytes.len(), line.complete)).collect();
        assert_eq!(lengths, [(LONGEST, false), (LONGEST, false), (1, true)]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_wherever_the_chunks_are_cut(chunks in prop::collection::vec("[ab\n]{0,9}", 0..9)) {
            let chunks: Vec<Vec<u8>> = chunks.into_iter().map(String::into_bytes).collect();
            let mut joined = Vec::new();
            for line in cut(&chunks) {
                joined.extend(line.bytes);
                if line.complete {
                    joined.push(b'\n');
                }
            }
            prop_assert_eq!(joined, chunks.concat());
        }
    }
}
