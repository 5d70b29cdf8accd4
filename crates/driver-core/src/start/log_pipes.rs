//! Log pipes over the removal of what an earlier start of the same task left.
//!
//! The client's collector takes a pipe without a writer for the end of all output, and looks before a start whether it
//! still reads. A container that the start then removes, as its caller was lost, is the last writer: from its end to the
//! beginning of the next one somebody has to hold the pipes open.

use std::os::fd::OwnedFd;

use linux_host::fifo::{self, LogTarget};

use crate::request::task::TaskSpec;

/// Writing ends of a task's log pipes, through which nothing is written.
#[derive(Debug, Default)]
pub(crate) struct HeldPipes(Vec<OwnedFd>);

impl HeldPipes {
    /// Opens those that somebody reads. What is wrong with the others is told by the start, which needs them.
    pub(crate) async fn of(spec: &TaskSpec) -> Self {
        let (root, logs) = (spec.dirs.alloc_root.clone(), spec.logs.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let open = |path| match fifo::check_beneath(&root, path).ok()? {
                LogTarget::Fifo(pipe) => fifo::open_writer(&pipe).ok(),
                LogTarget::Null => None,
            };
            [&logs.stdout, &logs.stderr].into_iter().filter_map(|path| open(path.as_path())).collect()
        });
        let held = Self(opened.await.unwrap_or_default());
        tracing::debug!(task = %spec.id, pipes = held.0.len(), "log pipes are held over a removal");
        held
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::unix::pipe::Receiver;

    use super::*;
    use crate::testing::spec;

    #[tokio::test]
    async fn a_pipe_that_is_read_is_held_and_others_are_let_be() {
        let alloc = tempfile::tempdir().unwrap();
        let mut task = spec("web");
        task.dirs.alloc_root = alloc.path().to_owned();
        (task.logs.stdout, task.logs.stderr) = (alloc.path().join("out"), alloc.path().join("err"));
        assert_eq!(HeldPipes::of(&task).await.0.len(), 0, "there are none");
        fifo::make(&task.logs.stdout).unwrap();
        fifo::make(&task.logs.stderr).unwrap();
        let mut reader = Receiver::from_owned_fd(fifo::open_read(&task.logs.stdout).unwrap()).unwrap();
        let held = HeldPipes::of(&task).await;
        assert_eq!(held.0.len(), 1, "nobody reads the other one");
        assert_eq!(reader.try_read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        drop(held);
        // A process that another test just forks has the writing end, too, until it is executed.
        let mut buffer = [0; 1];
        let end = tokio::time::timeout(Duration::from_secs(60), reader.read(&mut buffer));
        assert_eq!(end.await.expect("the end of the pipe").unwrap(), 0);
    }
}
