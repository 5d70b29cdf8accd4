//! Follows how much memory tasks use.

use nomad_host::driver::{DriverClient, TaskStats};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Nomad's own interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// The most memory of each task, in bytes.
#[derive(Clone, Default)]
pub(super) struct MemoryPeaks(Arc<Mutex<HashMap<String, u64>>>);

impl MemoryPeaks {
    pub(super) fn of(&self, task: &str) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(task).copied()
    }

    fn raise(&self, task: &str, bytes: u64) {
        let mut peaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peak = peaks.entry(task.to_owned()).or_default();
        *peak = bytes.max(*peak);
    }

    /// Follows a task until it ends or the handle is used. Figures are a service to the reader: a
    /// stream that breaks ends the following and nothing else.
    pub(super) fn follow(&self, driver: DriverClient, task: String, task_id: String) -> AbortHandle {
        let peaks = self.clone();
        let following = tokio::spawn(async move {
            let Ok(mut stream) = driver.task_stats(&task_id, INTERVAL).await else { return };
            while let Ok(Some(stats)) = stream.next().await {
                if let Some(bytes) = used(&stats) {
                    peaks.raise(&task, bytes);
                }
            }
        });
        following.abort_handle()
    }
}

/// The kernel's own maximum where there is one, else what is used now.
fn used(stats: &TaskStats) -> Option<u64> {
    let memory = stats.agg_resource_usage.as_ref()?.memory.as_ref()?;
    let bytes = memory.max_usage.max(memory.usage).max(memory.rss);
    (bytes > 0).then_some(bytes)
}
