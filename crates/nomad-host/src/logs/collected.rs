//! Everything a task printed, for tests and short commands.

use crate::logs::lines::{LineSink, LogStream, TaskLine};
use crate::logs::pipes::{LogError, LogPipes, LogSettings};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The time that a last writer has after the task is dead.
const GRACE: Duration = Duration::from_secs(5);

/// The bytes of both streams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOutput {
    /// Everything on stdout.
    pub stdout: Vec<u8>,
    /// Everything on stderr.
    pub stderr: Vec<u8>,
}

impl TaskOutput {
    /// Stdout as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Stderr as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    fn add(&mut self, line: &TaskLine) {
        let bytes = match line.stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        bytes.extend_from_slice(&line.bytes);
        if line.complete {
            bytes.push(b'\n');
        }
    }
}

/// Log pipes whose contents are gathered.
#[derive(Debug)]
pub struct CollectedLogs {
    pipes: LogPipes,
    output: Arc<Mutex<TaskOutput>>,
    changed: watch::Receiver<()>,
}

impl CollectedLogs {
    /// Opens the pipes of a task.
    ///
    /// # Errors
    /// A pipe cannot be made or opened.
    pub fn open(directory: &Path, task: &str) -> Result<Self, LogError> {
        let output = Arc::new(Mutex::new(TaskOutput::default()));
        let (announce, changed) = watch::channel(());
        let gathered = output.clone();
        let sink: LineSink = Arc::new(move |line| {
            gathered.lock().unwrap_or_else(PoisonError::into_inner).add(&line);
            announce.send_replace(());
        });
        let pipes = LogPipes::open(directory, task, sink, LogSettings::default())?;
        Ok(Self { pipes, output, changed })
    }

    /// The pipes themselves.
    pub fn pipes(&self) -> &LogPipes {
        &self.pipes
    }

    /// What came so far, in whole lines.
    pub fn so_far(&self) -> TaskOutput {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the output satisfies `wanted`; returns it as it is then. The pipes end when the
    /// caller finishes them, so this waits for ever if it never does.
    pub async fn wait_for(&mut self, wanted: impl Fn(&TaskOutput) -> bool) -> TaskOutput {
        loop {
            self.changed.mark_unchanged();
            let output = self.so_far();
            if wanted(&output) || self.changed.changed().await.is_err() {
                return output;
            }
        }
    }

    /// Reads both pipes to their ends after the task is dead and gives out everything.
    ///
    /// # Errors
    /// A log file could not be written.
    pub async fn collect(self) -> Result<TaskOutput, LogError> {
        self.pipes.finish(GRACE).await?;
        Ok(self.output.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;

    #[tokio::test]
    async fn output_can_be_waited_for_and_collected() {
        let directory = tempfile::tempdir().unwrap();
        let mut logs = CollectedLogs::open(directory.path(), "web").unwrap();
        let open = |path: &Path| OpenOptions::new().write(true).open(path).unwrap();
        open(logs.pipes().stdout()).write_all(b"ready\n").unwrap();
        let seen = logs.wait_for(|output| output.stdout_text().contains("ready")).await;
        assert_eq!(seen.stdout_text(), "ready\n");
        open(logs.pipes().stderr()).write_all(b"oh").unwrap();
        let output = logs.collect().await.unwrap();
        assert_eq!((output.stdout_text().as_str(), output.stderr_text().as_str()), ("ready\n", "oh"));
    }
}
