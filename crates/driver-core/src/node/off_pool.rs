//! Blocking work that may never end, on a thread of its own.
//!
//! A path of the host can lead to a file system that does not answer. The threads of tokio's pool are limited, so such
//! work on them would end up holding every other start of the node.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::DriverError;

/// How long the work may take. A thread that is stuck for longer is left to the kernel.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the work and gives what it returns.
///
/// # Errors
/// Those of the work, [`DriverError::Stuck`] after a minute, or that no thread could be made.
pub(crate) async fn run<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    within(LIMIT, what, work).await
}

async fn within<T: Send + 'static>(
    limit: Duration,
    what: &'static str,
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    #[cfg(test)]
    let _stopped_clock = stop_paused_clock();
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("admission".to_owned())
        .spawn(move || {
            // Nobody waits any more after the limit.
            let _ = sender.send(work());
        })
        .map_err(|error| DriverError::host("no thread could be started")(error.into()))?;
    match tokio::time::timeout(limit, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(DriverError::Interrupted(what)),
        Err(_) => Err(DriverError::Stuck { what, limit }),
    }
}

/// A paused clock runs ahead unless a thread of tokio's pool works. Until the value is dropped, one does.
#[cfg(test)]
fn stop_paused_clock() -> std::sync::mpsc::Sender<()> {
    let (sender, receiver) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || receiver.recv().is_err());
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_result_of_the_work_is_given_back() {
        assert_eq!(run("counting", || Ok(42)).await.unwrap(), 42);
        let failed = run::<()>("counting", || Err(DriverError::TaskNotFound)).await;
        assert!(matches!(failed, Err(DriverError::TaskNotFound)));
    }

    #[tokio::test]
    async fn work_that_never_ends_is_given_up_and_holds_nobody_else() {
        let (release, stuck) = std::sync::mpsc::channel::<()>();
        let waits = within(Duration::from_millis(10), "reading", move || {
            let _released = stuck.recv();
            Ok(())
        });
        let error = waits.await.unwrap_err();
        assert!(error.is_recoverable());
        assert_eq!(error.to_string(), "reading did not end within 0.01 s");
        assert_eq!(run("counting", || Ok(1)).await.unwrap(), 1);
        drop(release);
    }
}
