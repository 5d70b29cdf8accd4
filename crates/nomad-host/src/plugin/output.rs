//! What a plugin writes: the handshake on stdout, log lines on stderr.

use crate::plugin::log_line::LogLine;
use crate::plugin::options::LogSink;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdout};

/// How many log lines are kept for error messages.
const KEPT_LINES: usize = 20;

/// The longest piece of output that is treated as one line, in bytes; as in go-plugin.
const LINE_LIMIT: u64 = 64 * 1024;

/// How much unexpected output on stdout is kept, in bytes.
const STDOUT_LIMIT: usize = 64 * 1024;

/// The last lines of a plugin's log.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Reads one line, without its end; `None` at the end of the stream.
async fn next_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    match reader.take(LINE_LIMIT).read_until(b'\n', &mut bytes).await {
        Ok(count) if count > 0 => {
            let text = String::from_utf8_lossy(&bytes);
            Some(text.trim_end_matches(['\n', '\r']).to_owned())
        }
        _ => None,
    }
}

/// Hands every line to the sink until the plugin closes its stderr.
pub(super) async fn forward_log(stderr: ChildStderr, sink: LogSink, tail: Tail) {
    let mut reader = BufReader::new(stderr);
    while let Some(raw) = next_line(&mut reader).await {
        let line = LogLine::read(&raw);
        tail.push(line.message.clone());
        sink(line);
    }
}

/// The plugin's stdout after its first line; a faithful plugin writes nothing there.
#[derive(Clone, Default)]
pub(super) struct UnexpectedOutput(Arc<Mutex<Vec<u8>>>);

impl UnexpectedOutput {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn collect(self, mut reader: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 4096];
        while let Ok(count) = reader.read(&mut buffer).await {
            if count == 0 {
                return;
            }
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let room = STDOUT_LIMIT.saturating_sub(kept.len()).min(count);
            kept.extend_from_slice(&buffer[..room]);
        }
    }
}

/// The first line of stdout, with its line feed, and the rest of the stream.
pub(super) async fn first_line(stdout: ChildStdout) -> std::io::Result<(String, BufReader<ChildStdout>)> {
    let mut reader = BufReader::new(stdout);
    let mut bytes = Vec::new();
    (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut bytes).await?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), reader))
}
