//! Usage of a task: cgroup files kept open, CPU percent over the time that really passed.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use linux_host::cgroup::CgroupError;
use linux_host::cgroup::stats::{CpuSample, MemorySample, StatsReader};
use tokio::sync::mpsc;

use crate::running::task::{Phase, Task};

/// One sample of one task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskUsage {
    /// When it was taken.
    pub at: SystemTime,
    /// CPU.
    pub cpu: CpuUsage,
    /// Memory in bytes.
    pub memory: MemorySample,
}

/// CPU use since the sample before; the first sample has counters only.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CpuUsage {
    /// Percent of one core, all time.
    pub percent: f64,
    /// Percent of one core in user mode.
    pub user_percent: f64,
    /// Percent of one core in the kernel.
    pub system_percent: f64,
    /// Percent of one core times the MHz of a core, as Nomad counts it.
    pub ticks: f64,
    /// The counters as they were read.
    pub counters: CpuSample,
}

/// ContainerLocks CPU counters into percentages.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    core_mhz: f64,
    last: Option<(Instant, CpuSample)>,
}

impl CpuMeter {
    pub(crate) fn new(core_mhz: f64) -> Self {
        Self { core_mhz, last: None }
    }

    pub(crate) fn measure(&mut self, at: Instant, counters: CpuSample) -> CpuUsage {
        let before = self.last.replace((at, counters));
        let Some((earlier, before)) = before else { return CpuUsage { counters, ..CpuUsage::default() } };
        let wall_ns = at.saturating_duration_since(earlier).as_secs_f64() * 1e9;
        let share = |now: Option<u64>, then: Option<u64>| match (now, then) {
            (Some(now), Some(then)) if wall_ns > 0.0 => as_f64(now.saturating_sub(then)) / wall_ns * 100.0,
            _ => 0.0,
        };
        let percent = share(counters.usage_ns, before.usage_ns);
        CpuUsage {
            percent,
            user_percent: share(counters.user_ns, before.user_ns),
            system_percent: share(counters.system_ns, before.system_ns),
            ticks: percent / 100.0 * self.core_mhz,
            counters,
        }
    }
}

/// Exact up to 2^53 ns, 104 days of CPU time between two samples.
fn as_f64(ns: u64) -> f64 {
    u32::try_from(ns >> 32).map_or(0.0, f64::from) * 4_294_967_296.0 + f64::from((ns & 0xffff_ffff) as u32)
}

/// Samples one task until it has ended.
pub(crate) struct Sampler {
    reader: Option<StatsReader>,
    meter: CpuMeter,
}

impl Sampler {
    pub(crate) fn new(core_mhz: f64) -> Self {
        Self { reader: None, meter: CpuMeter::new(core_mhz) }
    }

    /// One sample; `None` when there is none now, which does not mean that the task has ended.
    pub(crate) fn sample(&mut self, task: &Task) -> Option<TaskUsage> {
        match self.try_sample(task) {
            Ok(usage) => Some(usage),
            Err(error) => {
                self.reader = None;
                if task.phase() == Phase::Running {
                    tracing::debug!(task = %task.id, %error, "no sample of the task's cgroup");
                }
                None
            }
        }
    }

    fn try_sample(&mut self, task: &Task) -> Result<TaskUsage, CgroupError> {
        if self.reader.is_none() {
            self.reader = Some(StatsReader::open(&task.cgroup)?);
        }
        let Some(reader) = &self.reader else {
            return Err(CgroupError::Gone { path: task.state.cgroup.clone() });
        };
        let sample = reader.sample()?;
        let cpu = self.meter.measure(Instant::now(), sample.cpu);
        Ok(TaskUsage { at: SystemTime::now(), cpu, memory: sample.memory })
    }
}

/// Shortest interval of samples.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// Takes a sample at each interval, the first at once, until `ended` or until nobody receives them. A sample that can
/// not be had is left out.
pub(crate) async fn stream(
    interval: Duration,
    ended: impl Future<Output = ()>,
    sender: mpsc::Sender<TaskUsage>,
    mut next: impl FnMut() -> Option<TaskUsage>,
) {
    let mut ticks = tokio::time::interval(interval.max(MIN_INTERVAL));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = &mut ended => return,
            () = sender.closed() => return,
        }
        if let Some(usage) = next()
            && sender.send(usage).await.is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
