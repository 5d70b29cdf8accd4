//! Waiting for what must happen, with a limit so generous that only a defect reaches it.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// The limit of every wait on a host at its usual speed.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The limit of every wait: longer where the run says that its host is slow.
pub fn limit() -> Duration {
    LIMIT * crate::environment::patience()
}

/// The pause between two looks at what no event tells of.
const LOOK: Duration = Duration::from_millis(20);

/// The future's output; a panic that names what was waited for when the limit is over.
pub async fn limited<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(limit(), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing within {} s", limit().as_secs()),
    }
}

/// Looks until there is something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not so within {} s", limit().as_secs());
        sleep(LOOK).await;
    }
}

/// Looks until the condition holds.
pub async fn until_true(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, async || condition().then_some(())).await;
}
