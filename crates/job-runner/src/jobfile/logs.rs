//! `logs`: how much of a task's output is kept in files.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::vocabulary;
use crate::source::error::JobFileError;
use nomad_host::logs::LogSettings;

/// Nothing when the file turns collection off.
pub(super) fn read(task: &Entry<'_>, scope: &Scope) -> Result<Option<LogSettings>, JobFileError> {
    let mut settings = LogSettings::default();
    let Some(block) = task.block("logs")? else { return Ok(Some(settings)) };
    block.check(&vocabulary::LOGS)?;
    let disabled = block.get(scope, "disabled")?.unwrap_or(false);
    let enabled = block.get(scope, "enabled")?.unwrap_or(true);
    settings.files = block.get(scope, "max_files")?.unwrap_or(settings.files);
    settings.file_size_mib = block.get(scope, "max_file_size")?.unwrap_or(settings.file_size_mib);
    if settings.files == 0 {
        return Err(block.refuse("max_files", 0, "at least one file is kept"));
    }
    if settings.file_size_mib == 0 {
        return Err(block.refuse("max_file_size", 0, "a file has at least 1 MiB"));
    }
    Ok((enabled && !disabled).then_some(settings))
}
