//! Services of a group or a task, which nothing on one machine registers.

use crate::jobfile::block::Entry;
use crate::jobfile::vocabulary;
use crate::source::error::{JobFileError, Problem};

/// Nomad's service blocks change nothing for the tasks, unless they ask for a proxy.
pub(super) fn check(entry: &Entry<'_>) -> Result<(), JobFileError> {
    for service in entry.blocks("service") {
        if let Some(connect) = service.blocks("connect").first() {
            return Err(connect.error(Problem::Unsupported {
                name: "connect".to_owned(),
                reason: vocabulary::CONNECT.to_owned(),
            }));
        }
        let text = format!("`service` is left out: {}", vocabulary::SERVICE);
        entry.reading.warn(service.span.clone(), text);
    }
    Ok(())
}
