//! The stream of a task's usage. It ends with the task.

use std::time::Duration;

use driver_core::Driver;
use driver_core::request::ids::TaskId;
use futures::stream::StreamExt;
use nomad_proto::pb::driver as pb;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::goplugin::Answers;
use crate::{from_wire, status, to_wire};

/// The interval for a client that names none.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// Samples at the operator's interval, else at the client's.
pub(super) fn stream(
    driver: &Driver,
    id: TaskId,
    interval: Option<prost_types::Duration>,
) -> Result<Answers<pb::TaskStatsResponse>, Status> {
    let of_client = match from_wire::duration(interval) {
        Duration::ZERO => DEFAULT_INTERVAL,
        interval => interval,
    };
    let interval = driver.stats_interval(of_client);
    let samples = driver.task_stats(&id, interval).map_err(|error| status::plain(&error))?;
    Ok(ReceiverStream::new(samples).map(move |usage| Ok(to_wire::stats(id.as_str(), &usage))).boxed())
}
