//! The gRPC server on the plugin's socket, from the first connection to the host's request to end.

use std::io;
use std::time::Duration;

use driver_core::Driver;
use futures::stream::{self, Stream};
use nomad_proto::handshake::HEALTH_SERVICE;
use nomad_proto::pb::DESCRIPTORS;
use nomad_proto::pb::base::base_plugin_server::BasePluginServer;
use nomad_proto::pb::driver::driver_server::DriverServer;
use nomad_proto::pb::goplugin::grpc_broker_server::GrpcBrokerServer;
use nomad_proto::pb::goplugin::grpc_controller_server::GrpcControllerServer;
use nomad_proto::pb::goplugin::grpc_stdio_server::GrpcStdioServer;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;

use crate::base::Base;
use crate::goplugin::{Broker, Controller, Stdio};
use crate::service::DriverService;

/// Largest message that is read, in bytes. Clients put no limit on theirs.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// What a client may send ahead on one call, in bytes. An exec whose program does not read its input stops there.
const CALL_WINDOW: u32 = 256 * 1024;

/// The same on one connection: HTTP/2's highest. Clients make all of their calls on one, and calls that are
/// stopped at their own window must never stop the others.
const CONNECTION_WINDOW: u32 = i32::MAX.unsigned_abs();

/// How long the host may take to close its connections after it asked the plugin to end. Hosts close them
/// with the answer; one that does not is left after this.
const GRACE: Duration = Duration::from_millis(500);

/// The pause before a connection that could not be taken is tried again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Abandoned calls that may wait for their turn before a connection counts as hostile: a client may give up
/// on hundreds of calls at once.
const MAX_ABANDONED: usize = 100_000;

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptions for server reflection cannot be read.
    #[error("the service descriptions cannot be served")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The server failed.
    #[error("the plugin's server failed")]
    Transport(#[source] tonic::transport::Error),
}

/// The connections of clients. One that can not be taken, as for want of a free descriptor, does not end the server.
fn connections(listener: UnixListener) -> impl Stream<Item = io::Result<UnixStream>> {
    stream::unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => return Some((Ok(connection), listener)),
                Err(error) => {
                    tracing::warn!(%error, "a connection can not be taken");
                    // No event tells that a descriptor is free again.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

/// Serves all of a driver plugin's services until `shutdown` is cancelled, by the host's call or by the caller.
///
/// Returns as soon as the host's connections are closed, at most half a second after the request: its streams
/// never end by themselves, so an orderly end cannot wait for them. Calls in progress break off with the
/// connection, as hosts expect of a plugin that ends.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: UnixListener,
    driver: Driver,
    version: &str,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(HEALTH_SERVICE, ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false)
    };
    let server = Server::builder()
        .max_concurrent_streams(None)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_pending_accept_reset_streams(Some(MAX_ABANDONED))
        .add_service(health_service)
        .add_service(reflection().build_v1().map_err(ServeError::Reflection)?)
        .add_service(reflection().build_v1alpha().map_err(ServeError::Reflection)?)
        .add_service(GrpcBrokerServer::new(Broker))
        .add_service(GrpcStdioServer::new(Stdio))
        .add_service(GrpcControllerServer::new(Controller { shutdown: shutdown.clone() }))
        .add_service(
            BasePluginServer::new(Base::new(driver.clone(), version)).max_decoding_message_size(MAX_MESSAGE),
        )
        .add_service(DriverServer::new(DriverService::new(driver)).max_decoding_message_size(MAX_MESSAGE))
        .serve_with_incoming_shutdown(connections(listener), shutdown.clone().cancelled_owned());
    tokio::pin!(server);
    tokio::select! {
        biased;
        ended = &mut server => return ended.map_err(ServeError::Transport),
        () = shutdown.cancelled() => {}
    }
    match tokio::time::timeout(GRACE, server).await {
        Ok(ended) => ended.map_err(ServeError::Transport),
        Err(_elapsed) => {
            tracing::debug!("the host left its connections open; they break off");
            Ok(())
        }
    }
}
