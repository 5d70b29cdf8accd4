//! The driver service: each call decoded, handed to the driver, and its outcome encoded.

mod events;
mod exec;
mod fingerprint;
mod stats;

use driver_core::request::ids::TaskId;
use driver_core::{Driver, DriverError, HANDLE_VERSION, TaskState, chain};
use nomad_proto::pb::driver as pb;
use nomad_proto::pb::driver::driver_server::Driver as DriverRpc;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::from_wire::{self, WireError};
use crate::goplugin::Answers;
use crate::{go_state, options, status, to_wire};

/// The service.
pub(crate) struct DriverService {
    driver: Driver,
}

impl DriverService {
    pub(crate) fn new(driver: Driver) -> Self {
        Self { driver }
    }

    async fn start(&self, task: Option<pb::TaskConfig>) -> Result<pb::StartTaskResponse, Status> {
        let config = task.ok_or_else(|| refuse(&WireError::Missing { field: "task" }))?;
        let spec = from_wire::task_spec(config.clone()).map_err(|error| refuse(&error))?;
        let started = self.driver.start_task(spec).await.map_err(|error| {
            tracing::info!(task = config.id, error = status::told(&error), "the task could not be started");
            status::of_start(&error)
        })?;
        let state = started.state.encode().map_err(|error| status::plain(&error))?;
        Ok(pb::StartTaskResponse {
            result: pb::start_task_response::Result::Success.into(),
            driver_error_msg: String::new(),
            handle: Some(to_wire::handle(config, state)),
            network_override: None,
        })
    }

    async fn recover(&self, request: pb::RecoverTaskRequest) -> Result<(), Status> {
        let handle = request.handle.ok_or_else(|| refuse(&WireError::Missing { field: "handle" }))?;
        let config = handle.config.unwrap_or_default();
        let id = if config.id.is_empty() { &request.task_id } else { &config.id };
        let id = task_id(id)?;
        if handle.version == go_state::VERSION {
            let task = go_state::predecessor(id.clone(), config, &handle.driver_state)
                .map_err(|error| failed("recovered", &id)(DriverError::State(chain(&error))))?;
            return self.driver.adopt_task(task).await.map_err(failed("recovered", &id));
        }
        if handle.version != HANDLE_VERSION {
            let text = format!("handle version {} was not made by this driver", handle.version);
            return Err(failed("recovered", &id)(DriverError::State(text)));
        }
        let state = TaskState::decode(&handle.driver_state).map_err(failed("recovered", &id))?;
        self.driver.recover_task(id.clone(), state).await.map_err(failed("recovered", &id))
    }
}

fn task_id(id: &str) -> Result<TaskId, Status> {
    from_wire::task_id(id).map_err(|error| refuse(&error))
}

fn refuse(error: &WireError) -> Status {
    status::plain(error)
}

/// Makes a failure the answer; whoever asked logs it, so here it is only worth an info line.
fn failed(what: &'static str, id: &TaskId) -> impl FnOnce(DriverError) -> Status {
    move |error| {
        tracing::info!(task = %id, error = status::told(&error), "the task could not be {what}");
        status::plain(&error)
    }
}

#[async_trait]
impl DriverRpc for DriverService {
    type FingerprintStream = Answers<pb::FingerprintResponse>;
    type TaskStatsStream = Answers<pb::TaskStatsResponse>;
    type TaskEventsStream = Answers<pb::DriverTaskEvent>;
    type ExecTaskStreamingStream = Answers<pb::ExecTaskStreamingResponse>;

    async fn init(&self, _: Request<pb::InitRequest>) -> Result<Response<pb::InitResponse>, Status> {
        Ok(Response::new(pb::InitResponse {}))
    }

    async fn task_config_schema(
        &self,
        _: Request<pb::TaskConfigSchemaRequest>,
    ) -> Result<Response<pb::TaskConfigSchemaResponse>, Status> {
        let spec = Some(options::schema(&options::task::OPTIONS));
        Ok(Response::new(pb::TaskConfigSchemaResponse { spec }))
    }

    async fn capabilities(
        &self,
        _: Request<pb::CapabilitiesRequest>,
    ) -> Result<Response<pb::CapabilitiesResponse>, Status> {
        let capabilities = Some(to_wire::capabilities(self.driver.collects_logs()));
        Ok(Response::new(pb::CapabilitiesResponse { capabilities }))
    }

    async fn fingerprint(
        &self,
        _: Request<pb::FingerprintRequest>,
    ) -> Result<Response<Self::FingerprintStream>, Status> {
        Ok(Response::new(fingerprint::stream(self.driver.fingerprint())))
    }

    async fn recover_task(
        &self,
        request: Request<pb::RecoverTaskRequest>,
    ) -> Result<Response<pb::RecoverTaskResponse>, Status> {
        self.recover(request.into_inner()).await?;
        Ok(Response::new(pb::RecoverTaskResponse {}))
    }

    async fn start_task(
        &self,
        request: Request<pb::StartTaskRequest>,
    ) -> Result<Response<pb::StartTaskResponse>, Status> {
        self.start(request.into_inner().task).await.map(Response::new)
    }

    async fn wait_task(
        &self,
        request: Request<pb::WaitTaskRequest>,
    ) -> Result<Response<pb::WaitTaskResponse>, Status> {
        let id = task_id(&request.into_inner().task_id)?;
        let exit = self.driver.wait_task(&id).await.map_err(|error| status::plain(&error))?;
        Ok(Response::new(to_wire::wait(&exit)))
    }

    async fn stop_task(
        &self,
        request: Request<pb::StopTaskRequest>,
    ) -> Result<Response<pb::StopTaskResponse>, Status> {
        let request = request.into_inner();
        let id = task_id(&request.task_id)?;
        let timeout = from_wire::duration(request.timeout);
        self.driver.stop_task(&id, timeout, &request.signal).await.map_err(|error| {
            tracing::warn!(task = %id, error = status::told(&*error), "the task could not be stopped");
            status::plain(&*error)
        })?;
        Ok(Response::new(pb::StopTaskResponse {}))
    }

    async fn destroy_task(
        &self,
        request: Request<pb::DestroyTaskRequest>,
    ) -> Result<Response<pb::DestroyTaskResponse>, Status> {
        let request = request.into_inner();
        let id = task_id(&request.task_id)?;
        self.driver.destroy_task(&id, request.force).await.map_err(failed("destroyed", &id))?;
        Ok(Response::new(pb::DestroyTaskResponse {}))
    }

    async fn inspect_task(
        &self,
        request: Request<pb::InspectTaskRequest>,
    ) -> Result<Response<pb::InspectTaskResponse>, Status> {
        let id = task_id(&request.into_inner().task_id)?;
        let found = self.driver.inspect_task(&id).map_err(|error| status::plain(&error))?;
        Ok(Response::new(to_wire::inspect(id.as_str(), found)))
    }

    async fn task_stats(
        &self,
        request: Request<pb::TaskStatsRequest>,
    ) -> Result<Response<Self::TaskStatsStream>, Status> {
        let request = request.into_inner();
        let id = task_id(&request.task_id)?;
        stats::stream(&self.driver, id, request.collection_interval).map(Response::new)
    }

    async fn task_events(
        &self,
        _: Request<pb::TaskEventsRequest>,
    ) -> Result<Response<Self::TaskEventsStream>, Status> {
        Ok(Response::new(events::stream(self.driver.events())))
    }

    async fn shutdown(
        &self,
        _: Request<pb::ShutdownRequest>,
    ) -> Result<Response<pb::ShutdownResponse>, Status> {
        Ok(Response::new(pb::ShutdownResponse {}))
    }

    async fn signal_task(
        &self,
        request: Request<pb::SignalTaskRequest>,
    ) -> Result<Response<pb::SignalTaskResponse>, Status> {
        let request = request.into_inner();
        let id = task_id(&request.task_id)?;
        self.driver.signal_task(&id, &request.signal).await.map_err(failed("signalled", &id))?;
        Ok(Response::new(pb::SignalTaskResponse {}))
    }

    async fn exec_task(
        &self,
        request: Request<pb::ExecTaskRequest>,
    ) -> Result<Response<pb::ExecTaskResponse>, Status> {
        let request = request.into_inner();
        let id = task_id(&request.task_id)?;
        exec::check(&request.command)?;
        let timeout = from_wire::duration(request.timeout);
        let done = self.driver.exec_task(&id, request.command, timeout).await;
        done.map(|result| Response::new(to_wire::exec(result))).map_err(|error| status::plain(&error))
    }

    async fn exec_task_streaming(
        &self,
        request: Request<Streaming<pb::ExecTaskStreamingRequest>>,
    ) -> Result<Response<Self::ExecTaskStreamingStream>, Status> {
        exec::stream(&self.driver, request.into_inner()).await.map(Response::new)
    }

    async fn create_network(
        &self,
        _: Request<pb::CreateNetworkRequest>,
    ) -> Result<Response<pb::CreateNetworkResponse>, Status> {
        Err(Status::unimplemented("the client makes the networks of this driver's tasks"))
    }

    async fn destroy_network(
        &self,
        _: Request<pb::DestroyNetworkRequest>,
    ) -> Result<Response<pb::DestroyNetworkResponse>, Status> {
        Err(Status::unimplemented("the client makes the networks of this driver's tasks"))
    }
}
