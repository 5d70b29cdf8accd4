//! `restart`: the task's over the group's over Nomad's defaults for the job's type.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::model::{JobKind, RestartMode, RestartPolicy};
use crate::jobfile::vocabulary;
use crate::source::error::JobFileError;
use std::time::Duration;

/// The least interval and delay that Nomad's server accepts are not asked for here.
pub(super) fn default_for(kind: JobKind) -> RestartPolicy {
    let (attempts, interval) = match kind {
        JobKind::Batch => (3, Duration::from_secs(24 * 3600)),
        JobKind::Service => (2, Duration::from_secs(30 * 60)),
    };
    RestartPolicy { attempts, interval, delay: Duration::from_secs(15), mode: RestartMode::Fail }
}

pub(super) fn read(
    parent: &Entry<'_>,
    scope: &Scope,
    inherited: RestartPolicy,
) -> Result<RestartPolicy, JobFileError> {
    let Some(block) = parent.block("restart")? else { return Ok(inherited) };
    block.check(&vocabulary::RESTART)?;
    let mode = match block.get::<String>(scope, "mode")?.as_deref() {
        None => inherited.mode,
        Some("fail") => RestartMode::Fail,
        Some("delay") => RestartMode::Delay,
        Some(other) => return Err(block.refuse("mode", other, "it is fail or delay")),
    };
    Ok(RestartPolicy {
        attempts: block.get(scope, "attempts")?.unwrap_or(inherited.attempts),
        interval: block.get(scope, "interval")?.unwrap_or(inherited.interval),
        delay: block.get(scope, "delay")?.unwrap_or(inherited.delay),
        mode,
    })
}
