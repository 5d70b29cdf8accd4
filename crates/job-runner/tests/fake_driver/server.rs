//! The services of a plugin.

use crate::tasks::Tasks;
use nomad_proto::handshake::HandshakeLine;
use nomad_proto::hclspec::{Type, attr, default, object};
use nomad_proto::pb::base::base_plugin_server::{BasePlugin, BasePluginServer};
use nomad_proto::pb::base::*;
use nomad_proto::pb::driver::driver_server::{Driver, DriverServer};
use nomad_proto::pb::driver::*;
use nomad_proto::pb::goplugin::Empty;
use nomad_proto::pb::goplugin::grpc_controller_server::{GrpcController, GrpcControllerServer};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};

pub(crate) fn serve() -> ExitCode {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut interrupts =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap();
        tokio::spawn(async move { while interrupts.recv().await.is_some() {} });
        let directory = std::env::var(nomad_proto::handshake::ENV_SOCKET_DIR).unwrap();
        let socket = std::path::Path::new(&directory).join(format!("plugin{}", std::process::id()));
        let listener = UnixListener::bind(&socket).unwrap();
        let line = HandshakeLine::unix(socket.to_str().unwrap()).unwrap();
        std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
        let stop = std::sync::Arc::new(Notify::new());
        let server = tonic::transport::Server::builder()
            .add_service(BasePluginServer::new(Base))
            .add_service(DriverServer::new(Fake {
                tasks: Tasks::default(),
                events: broadcast::channel(16).0,
            }))
            .add_service(GrpcControllerServer::new(Controller(stop.clone())));
        tokio::select! {
            served = server.serve_with_incoming(UnixListenerStream::new(listener)) => served.unwrap(),
            () = stop.notified() => {}
        }
        std::fs::remove_file(socket).unwrap();
    });
    ExitCode::SUCCESS
}

struct Controller(std::sync::Arc<Notify>);

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.0.notify_one();
        Ok(Response::new(Empty {}))
    }
}

struct Base;

#[tonic::async_trait]
impl BasePlugin for Base {
    async fn plugin_info(
        &self,
        _: Request<PluginInfoRequest>,
    ) -> Result<Response<PluginInfoResponse>, Status> {
        Ok(Response::new(PluginInfoResponse {
            r#type: PluginType::Driver.into(),
            plugin_api_versions: vec!["v0.1.0".into()],
            plugin_version: "0.0.1".into(),
            name: "fake".into(),
        }))
    }

    async fn config_schema(
        &self,
        _: Request<ConfigSchemaRequest>,
    ) -> Result<Response<ConfigSchemaResponse>, Status> {
        let spec =
            object(["containerd_addr", "password"].map(|name| (name, attr(name, &Type::String, false))));
        Ok(Response::new(ConfigSchemaResponse { spec: Some(spec) }))
    }

    async fn set_config(
        &self,
        request: Request<SetConfigRequest>,
    ) -> Result<Response<SetConfigResponse>, Status> {
        let config = nomad_proto::cty::decode(&request.get_ref().msgpack_config).unwrap();
        let address = config.as_map().unwrap()["containerd_addr"].as_str().map(str::to_owned);
        *ADDRESS.lock().unwrap() = address;
        Ok(Response::new(SetConfigResponse {}))
    }
}

/// What the configuration names; nothing runs at `/nowhere`.
static ADDRESS: std::sync::Mutex<Option<String>> = std::sync::Mutex::new(None);

struct Fake {
    tasks: Tasks,
    events: broadcast::Sender<DriverTaskEvent>,
}

/// A stream that never ends.
fn endless<T: Send + 'static>(first: Option<T>) -> ReceiverStream<Result<T, Status>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        if let Some(first) = first {
            let _ = sender.send(Ok(first)).await;
        }
        sender.closed().await;
    });
    ReceiverStream::new(receiver)
}

#[tonic::async_trait]
impl Driver for Fake {
    type FingerprintStream = ReceiverStream<Result<FingerprintResponse, Status>>;
    type TaskStatsStream = ReceiverStream<Result<TaskStatsResponse, Status>>;
    type TaskEventsStream = ReceiverStream<Result<DriverTaskEvent, Status>>;
    type ExecTaskStreamingStream = ReceiverStream<Result<ExecTaskStreamingResponse, Status>>;

    async fn task_config_schema(
        &self,
        _: Request<TaskConfigSchemaRequest>,
    ) -> Result<Response<TaskConfigSchemaResponse>, Status> {
        let spec = object([
            ("image", attr("image", &Type::String, true)),
            ("command", default(attr("command", &Type::String, false), "\"true\"")),
            ("password", attr("password", &Type::String, false)),
        ]);
        Ok(Response::new(TaskConfigSchemaResponse { spec: Some(spec) }))
    }

    async fn fingerprint(
        &self,
        _: Request<FingerprintRequest>,
    ) -> Result<Response<Self::FingerprintStream>, Status> {
        let (health, text) = match ADDRESS.lock().unwrap().as_deref() {
            Some("/nowhere") => {
                (fingerprint_response::HealthState::Undetected, "nothing answers at /nowhere")
            }
            _ => (fingerprint_response::HealthState::Healthy, "ready"),
        };
        Ok(Response::new(endless(Some(FingerprintResponse {
            health: health.into(),
            health_description: text.to_owned(),
            ..Default::default()
        }))))
    }

    async fn start_task(
        &self,
        request: Request<StartTaskRequest>,
    ) -> Result<Response<StartTaskResponse>, Status> {
        let config = request.into_inner().task.unwrap();
        let _ = self.events.send(DriverTaskEvent {
            task_id: config.id.clone(),
            alloc_id: config.alloc_id.clone(),
            task_name: config.name.clone(),
            message: "image is there".into(),
            ..Default::default()
        });
        if nomad_proto::cty::decode(&config.msgpack_driver_config).unwrap().as_map().unwrap()["image"]
            .as_str()
            == Some("slow")
        {
            std::future::pending::<()>().await;
        }
        let handle = self.tasks.start(config)?;
        Ok(Response::new(StartTaskResponse { handle: Some(handle), ..Default::default() }))
    }

    async fn recover_task(
        &self,
        request: Request<RecoverTaskRequest>,
    ) -> Result<Response<RecoverTaskResponse>, Status> {
        self.tasks.recover(request.into_inner().handle.unwrap())?;
        Ok(Response::new(RecoverTaskResponse {}))
    }

    async fn wait_task(
        &self,
        request: Request<WaitTaskRequest>,
    ) -> Result<Response<WaitTaskResponse>, Status> {
        let result = self.tasks.wait(&request.get_ref().task_id).await?;
        Ok(Response::new(WaitTaskResponse { result: Some(result), err: String::new() }))
    }

    async fn stop_task(
        &self,
        request: Request<StopTaskRequest>,
    ) -> Result<Response<StopTaskResponse>, Status> {
        let request = request.into_inner();
        let timeout = Duration::try_from(request.timeout.unwrap_or_default()).unwrap();
        self.tasks.stop(&request.task_id, timeout, &request.signal).await?;
        Ok(Response::new(StopTaskResponse {}))
    }

    async fn destroy_task(
        &self,
        request: Request<DestroyTaskRequest>,
    ) -> Result<Response<DestroyTaskResponse>, Status> {
        self.tasks.destroy(&request.get_ref().task_id).await?;
        Ok(Response::new(DestroyTaskResponse {}))
    }

    async fn task_stats(
        &self,
        _: Request<TaskStatsRequest>,
    ) -> Result<Response<Self::TaskStatsStream>, Status> {
        let memory = MemoryUsage { usage: 3 << 20, ..Default::default() };
        let usage = TaskResourceUsage { memory: Some(memory), ..Default::default() };
        let stats = TaskStats { agg_resource_usage: Some(usage), ..Default::default() };
        Ok(Response::new(endless(Some(TaskStatsResponse { stats: Some(stats) }))))
    }

    async fn task_events(
        &self,
        _: Request<TaskEventsRequest>,
    ) -> Result<Response<Self::TaskEventsStream>, Status> {
        let mut events = self.events.subscribe();
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                let _ = sender.send(Ok(event)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn capabilities(
        &self,
        _: Request<CapabilitiesRequest>,
    ) -> Result<Response<CapabilitiesResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn init(&self, _: Request<InitRequest>) -> Result<Response<InitResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn shutdown(&self, _: Request<ShutdownRequest>) -> Result<Response<ShutdownResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn inspect_task(
        &self,
        _: Request<InspectTaskRequest>,
    ) -> Result<Response<InspectTaskResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn signal_task(
        &self,
        request: Request<SignalTaskRequest>,
    ) -> Result<Response<SignalTaskResponse>, Status> {
        let request = request.into_inner();
        self.tasks.signal(&request.task_id, &request.signal)?;
        Ok(Response::new(SignalTaskResponse {}))
    }

    async fn exec_task(&self, _: Request<ExecTaskRequest>) -> Result<Response<ExecTaskResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn exec_task_streaming(
        &self,
        _: Request<Streaming<ExecTaskStreamingRequest>>,
    ) -> Result<Response<Self::ExecTaskStreamingStream>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn create_network(
        &self,
        _: Request<CreateNetworkRequest>,
    ) -> Result<Response<CreateNetworkResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn destroy_network(
        &self,
        _: Request<DestroyNetworkRequest>,
    ) -> Result<Response<DestroyNetworkResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
