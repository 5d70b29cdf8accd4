//! go-plugin's own services: the broker and the stdio mirror, which drivers do not use, and the controller.

use std::future;

use futures::stream::{self, BoxStream, StreamExt};
use nomad_proto::pb::goplugin::grpc_broker_server::GrpcBroker;
use nomad_proto::pb::goplugin::grpc_controller_server::GrpcController;
use nomad_proto::pb::goplugin::grpc_stdio_server::GrpcStdio;
use nomad_proto::pb::goplugin::{ConnInfo, Empty, StdioData};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// A stream of answers.
pub(crate) type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// The broker: open for as long as the host wants, and silent.
#[derive(Debug, Default)]
pub(crate) struct Broker;

#[async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Answers<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let silent = stream::unfold(request.into_inner(), |mut incoming| async move {
            loop {
                match incoming.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => future::pending().await,
                    Err(_host_is_gone) => return None,
                }
            }
        });
        Ok(Response::new(silent.boxed()))
    }
}

/// The mirror of stdout and stderr: the host reads both by itself, so nothing ever comes.
#[derive(Debug, Default)]
pub(crate) struct Stdio;

#[async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Answers<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(stream::pending().boxed()))
    }
}

/// The controller: asks the process to end. Tasks go on.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) shutdown: CancellationToken,
}

#[async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host asks the plugin to end");
        self.shutdown.cancel();
        Ok(Response::new(Empty {}))
    }
}
