//! The gRPC channel to a plugin's socket.

use crate::driver::DriverClient;
use hyper_util::rt::TokioIo;
use nomad_proto::pb::goplugin::Empty;
use nomad_proto::pb::goplugin::grpc_controller_client::GrpcControllerClient;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// The authority that go-plugin's client names.
const AUTHORITY: &str = "http://unused";

/// Nobody answers at a plugin's socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to the plugin at {}", socket.display())]
pub struct ConnectError {
    /// The socket.
    pub socket: PathBuf,
    /// Why.
    pub source: tonic::transport::Error,
}

/// A connection to a plugin that somebody started.
#[derive(Debug, Clone)]
pub struct PluginConnection {
    channel: Channel,
    socket: PathBuf,
}

impl PluginConnection {
    /// Connects to the socket of a running plugin, as a restarted client does.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(socket: &Path) -> Result<Self, ConnectError> {
        let path = socket.to_owned();
        let connector = service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static(AUTHORITY)
            .connect_with_connector(connector)
            .await
            .map_err(|source| ConnectError { socket: socket.to_owned(), source })?;
        Ok(Self { channel, socket: socket.to_owned() })
    }

    /// The plugin's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The channel itself, for services that have no wrapper here (health, reflection).
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The driver's interface.
    pub fn driver(&self) -> DriverClient {
        DriverClient::new(self.channel())
    }

    /// Asks the plugin to end; the answer may be lost because it does.
    pub async fn request_shutdown(&self) {
        let mut controller = GrpcControllerClient::new(self.channel());
        let _ = controller.shutdown(Empty {}).await;
    }
}
