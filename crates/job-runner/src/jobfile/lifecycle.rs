//! `lifecycle`: when a task runs in the life of its group.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::model::Stage;
use crate::jobfile::vocabulary;
use crate::source::error::JobFileError;

pub(super) fn read(task: &Entry<'_>, scope: &Scope) -> Result<Stage, JobFileError> {
    let Some(block) = task.block("lifecycle")? else { return Ok(Stage::Main) };
    block.check(&vocabulary::LIFECYCLE)?;
    let hook: String = block.require(scope, "hook")?;
    let sidecar = block.get(scope, "sidecar")?.unwrap_or(false);
    match (hook.as_str(), sidecar) {
        ("prestart", false) => Ok(Stage::Prestart),
        ("prestart", true) => Ok(Stage::PrestartSidecar),
        ("poststart", false) => Ok(Stage::Poststart),
        ("poststart", true) => Ok(Stage::PoststartSidecar),
        ("poststop", false) => Ok(Stage::Poststop),
        ("poststop", true) => Err(block.refuse("sidecar", true, "a poststop task has nothing to run beside")),
        _ => Err(block.refuse("hook", hook, "it is prestart, poststart or poststop")),
    }
}
