//! The two log pipes of a task.

use crate::logs::lines::{LineCutter, LineSink, LogStream};
use crate::logs::reader::{Consumers, PipeReader};
use crate::logs::rotation::{RotatingFile, RotationError};
use linux_host::fifo::{self, FifoError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A log pipe could not be made, opened or read to its end.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The pipe itself.
    #[error("the log pipe of task `{task}` cannot be used")]
    Fifo {
        /// The task.
        task: String,
        /// What failed.
        source: FifoError,
    },
    /// An older entry in the pipe's place.
    #[error("cannot remove {}", path.display())]
    Stale {
        /// The entry.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The asynchronous reader.
    #[error("cannot watch the log pipe of task `{task}`")]
    Watch {
        /// The task.
        task: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A log file; the lines themselves were delivered.
    #[error("the log of task `{task}` is incomplete on disk")]
    File {
        /// The task.
        task: String,
        /// What failed.
        source: RotationError,
    },
}

/// What is done beside handing lines to the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// How many files are kept for each stream; 0 writes none.
    pub files: u32,
    /// The size of a file, in MiB.
    pub file_size_mib: u32,
}

impl Default for LogSettings {
    /// Nomad's defaults.
    fn default() -> Self {
        Self { files: 10, file_size_mib: 10 }
    }
}

/// The open pipes. They are read from the moment they exist, whatever happens to the plugin.
#[derive(Debug)]
pub struct LogPipes {
    task: Arc<str>,
    stdout: Pipe,
    stderr: Pipe,
}

#[derive(Debug)]
struct Pipe {
    path: PathBuf,
    ended: oneshot::Sender<Duration>,
    reader: JoinHandle<Result<(), RotationError>>,
}

impl LogPipes {
    /// Makes `<directory>/<task>.stdout.fifo` and `.stderr.fifo` (0600) and reads them. Entries of an earlier
    /// start are replaced.
    ///
    /// # Errors
    /// [`LogError`]; nothing is left open then.
    pub fn open(
        directory: &Path,
        task: &str,
        sink: LineSink,
        settings: LogSettings,
    ) -> Result<Self, LogError> {
        let task: Arc<str> = task.into();
        let stdout = Pipe::open(directory, &task, LogStream::Stdout, sink.clone(), settings)?;
        let stderr = Pipe::open(directory, &task, LogStream::Stderr, sink, settings)?;
        Ok(Self { task, stdout, stderr })
    }

    /// The path of the stdout pipe.
    pub fn stdout(&self) -> &Path {
        &self.stdout.path
    }

    /// The path of the stderr pipe.
    pub fn stderr(&self) -> &Path {
        &self.stderr.path
    }

    /// Reads both pipes to their ends and removes them. To be called when the task is dead: the ends are reached
    /// when its last writer is gone, or when `grace` is over and nothing more is in the pipe.
    ///
    /// # Errors
    /// A log file could not be written, or a pipe not removed. All lines were delivered.
    pub async fn finish(self, grace: Duration) -> Result<(), LogError> {
        let (stdout, stderr) = tokio::join!(self.stdout.finish(grace), self.stderr.finish(grace));
        for result in [stdout, stderr] {
            result.map_err(|source| LogError::File { task: self.task.to_string(), source })?;
        }
        Ok(())
    }
}

impl Pipe {
    fn open(
        directory: &Path,
        task: &Arc<str>,
        stream: LogStream,
        sink: LineSink,
        settings: LogSettings,
    ) -> Result<Self, LogError> {
        let failed = |source| LogError::Fifo { task: task.to_string(), source };
        let path = directory.join(format!("{task}.{}.fifo", stream.name()));
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(LogError::Stale { path, source });
            }
            _ => {}
        }
        fifo::make(&path).map_err(failed)?;
        let pipe = fifo::open_read(&path).map_err(failed)?;
        let own_writer = fifo::open_write(&path).map_err(failed)?;
        let pipe = Receiver::from_owned_fd(pipe)
            .map_err(|source| LogError::Watch { task: task.to_string(), source })?;
        let file = match settings.files {
            0 => None,
            kept => {
                let limit = u64::from(settings.file_size_mib) * 1024 * 1024;
                let name = format!("{task}.{}", stream.name());
                let file = RotatingFile::open(directory, &name, limit, kept);
                Some(file.map_err(|source| LogError::File { task: task.to_string(), source })?)
            }
        };
        let consumers = Consumers::new(LineCutter::new(task.clone(), stream, sink), file);
        let (ended, task_ended) = oneshot::channel();
        let reader = tokio::spawn(PipeReader { pipe, own_writer, consumers }.run(task_ended));
        Ok(Self { path, ended, reader })
    }

    async fn finish(self, grace: Duration) -> Result<(), RotationError> {
        let _ = self.ended.send(grace);
        let outcome = self.reader.await.unwrap_or(Ok(()));
        let removed = std::fs::remove_file(&self.path);
        outcome?;
        match removed {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(RotationError { operation: "remove", path: self.path, source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::TaskLine;
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use tokio::sync::mpsc;

    const LONG: Duration = Duration::from_secs(3600);

    fn open(directory: &Path) -> (LogPipes, mpsc::UnboundedReceiver<TaskLine>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let sink: LineSink = Arc::new(move |line| {
            let _ = sender.send(line);
        });
        (LogPipes::open(directory, "web", sink, LogSettings::default()).unwrap(), receiver)
    }

    fn writer(pipes: &LogPipes) -> File {
        OpenOptions::new().write(true).open(pipes.stdout()).unwrap()
    }

    async fn text(lines: &mut mpsc::UnboundedReceiver<TaskLine>) -> String {
        String::from_utf8(lines.recv().await.unwrap().bytes).unwrap()
    }

    #[tokio::test]
    async fn a_pipe_outlives_its_writers_and_ends_after_the_task() {
        let directory = tempfile::tempdir().unwrap();
        let (pipes, mut lines) = open(directory.path());
        writer(&pipes).write_all(b"one\n").unwrap();
        assert_eq!(text(&mut lines).await, "one");
        let mut second = writer(&pipes);
        second.write_all(b"two\nunfinished").unwrap();
        drop(second);
        pipes.finish(LONG).await.unwrap();
        assert_eq!(text(&mut lines).await, "two");
        let last = lines.recv().await.unwrap();
        assert_eq!((last.bytes.as_slice(), last.complete), (b"unfinished".as_slice(), false));
        assert!(lines.recv().await.is_none());
        assert_eq!(std::fs::read(directory.path().join("web.stdout.0")).unwrap(), b"one\ntwo\nunfinished");
    }

    #[tokio::test]
    async fn a_writer_that_stays_does_not_hold_up_the_end_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let (pipes, mut lines) = open(directory.path());
        let mut stays = writer(&pipes);
        stays.write_all(b"said\n").unwrap();
        pipes.finish(Duration::ZERO).await.unwrap();
        assert_eq!(text(&mut lines).await, "said");
        assert!(lines.recv().await.is_none());
    }

    #[tokio::test]
    async fn pipes_are_private_and_replaced_at_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("web.stdout.fifo"), "not a pipe").unwrap();
        let (pipes, _lines) = open(directory.path());
        let mode = std::fs::metadata(pipes.stdout()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let (stdout, stderr) = (pipes.stdout().to_owned(), pipes.stderr().to_owned());
        pipes.finish(LONG).await.unwrap();
        assert!(!stdout.exists() && !stderr.exists());
    }
}
