//! Entry points of the fuzz targets (`tests/fuzz`).

use driver_core::request::ids::TaskId;
use driver_core::request::task::TaskSpec;
use driver_core::{GoDriverTask, chain};
use nomad_proto::pb::driver::TaskConfig;

/// The task that a start request asks for, or the text of the refusal.
///
/// # Errors
/// The request asks for none.
pub fn task_spec(task: TaskConfig) -> Result<TaskSpec, String> {
    crate::from_wire::task_spec(task).map_err(|error| chain(&error))
}

/// The task of a handle that the Go driver wrote, or why it is none.
///
/// # Errors
/// The state is not the Go driver's.
pub fn predecessor(config: TaskConfig, driver_state: &[u8]) -> Result<GoDriverTask, String> {
    crate::go_state::predecessor(TaskId::new("id"), config, driver_state).map_err(|error| chain(&error))
}
