//! The connection to one containerd: a lazy channel, the namespace header, deadlines, typed clients.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use containerd_client::services::v1 as api;
use driver_core::ports::ContainersError;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::grpc::classify::{ErrorKind, classify};
use crate::grpc::error::RpcError;

/// Largest message that is accepted, in bytes. containerd sends up to 16 MiB; tonic's own limit is 4 MiB.
const MAX_MESSAGE: usize = 32 << 20;
/// The operation that a bad configuration is reported under.
const CONNECT: &str = "connect to containerd";

/// One containerd, seen through one of its namespaces and at times through a lease.
#[derive(Debug, Clone)]
pub(crate) struct Daemon {
    channel: Channel,
    headers: Headers,
    address: Arc<Path>,
    timeout: Duration,
    connects: Arc<AtomicU64>,
}

/// A channel that adds the headers to every call.
pub(crate) type Service = InterceptedService<Channel, Headers>;

/// The headers of every call: the namespace, and the lease under which objects are made.
#[derive(Debug, Clone)]
pub(crate) struct Headers {
    namespace: MetadataValue<Ascii>,
    lease: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("containerd-namespace", self.namespace.clone());
        if let Some(lease) = &self.lease {
            metadata.insert("containerd-lease", lease.clone());
        }
        Ok(request)
    }
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ty;)*) => {
        $($(#[$doc])* pub(crate) fn $name(&self) -> $client {
            <$client>::new(InterceptedService::new(self.channel.clone(), self.headers.clone()))
                .max_decoding_message_size(MAX_MESSAGE)
        })*
    };
}

/// Client types of the services, over the channel with its headers.
mod client {
    use super::{Service, api};

    pub(super) type Containers = api::containers_client::ContainersClient<Service>;
    pub(super) type Content = api::content_client::ContentClient<Service>;
    pub(super) type Diff = api::diff_client::DiffClient<Service>;
    pub(super) type Events = api::events_client::EventsClient<Service>;
    pub(super) type Images = api::images_client::ImagesClient<Service>;
    pub(super) type Introspection = api::introspection_client::IntrospectionClient<Service>;
    pub(super) type Leases = api::leases_client::LeasesClient<Service>;
    pub(super) type Sandboxes = api::sandbox::store_client::StoreClient<Service>;
    pub(super) type Snapshots = api::snapshots::snapshots_client::SnapshotsClient<Service>;
    pub(super) type Tasks = api::tasks_client::TasksClient<Service>;
    pub(super) type Version = api::version_client::VersionClient<Service>;
}

impl Daemon {
    /// A daemon that is connected to at the first call, and again whenever the connection is lost.
    /// Must be called within a tokio runtime.
    pub(crate) fn new(address: &Path, namespace: &str, timeout: Duration) -> Result<Self, ContainersError> {
        let namespace = namespace.parse().map_err(|_| ContainersError::Unsupported {
            operation: CONNECT,
            reason: format!("namespace {namespace:?} is not a name that containerd accepts"),
        })?;
        let address: Arc<Path> = address.into();
        let connects = Arc::new(AtomicU64::new(0));
        let (socket, count) = (Arc::clone(&address), Arc::clone(&connects));
        let connector = tower::service_fn(move |_| {
            let (socket, count) = (Arc::clone(&socket), Arc::clone(&count));
            async move {
                let stream = UnixStream::connect(&*socket).await?;
                count.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        });
        // The authority is never looked at: the connector has the socket.
        let channel = Endpoint::from_static("http://containerd").connect_with_connector_lazy(connector);
        Ok(Self { channel, headers: Headers { namespace, lease: None }, address, timeout, connects })
    }

    /// The same daemon; what is made through this one belongs to the lease.
    pub(crate) fn under_lease(&self, lease: &str) -> Result<Self, RpcError> {
        let header = lease.parse().map_err(|_| {
            self.refused(
                "use a lease",
                lease,
                ErrorKind::Failed("its id does not fit into a header".to_owned()),
            )
        })?;
        let mut leased = self.clone();
        leased.headers.lease = Some(header);
        Ok(leased)
    }

    clients! {
        /// Container records.
        containers: client::Containers;
        /// Blobs.
        content: client::Content;
        /// Layers applied to mounts.
        diff: client::Diff;
        /// Events.
        events: client::Events;
        /// Image records.
        images: client::Images;
        /// Plug-ins.
        introspection: client::Introspection;
        /// Leases.
        leases: client::Leases;
        /// Sandbox records.
        sandboxes: client::Sandboxes;
        /// Snapshots.
        snapshots: client::Snapshots;
        /// Tasks and execs.
        tasks: client::Tasks;
        /// The daemon's version.
        version: client::Version;
    }

    /// The daemon's socket.
    pub(crate) fn address(&self) -> &Path {
        &self.address
    }

    /// The namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.headers.namespace.to_str().unwrap_or_default()
    }

    /// Deadline of one call.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How many connections were made so far: what was learnt of the daemon is good for one of them.
    pub(crate) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// Awaits a call under the deadline.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        id: &str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        self.call_within(self.timeout, operation, id, call).await
    }

    /// Awaits a call under a deadline of its own.
    pub(crate) async fn call_within<T>(
        &self,
        limit: Duration,
        operation: &'static str,
        id: &str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        match tokio::time::timeout(limit, call).await {
            Ok(answer) => self.answer(operation, id, answer),
            Err(_) => Err(self.refused(operation, id, ErrorKind::TimedOut(limit))),
        }
    }

    /// Awaits a call however long it takes: a wait, or a step of a pull, which has a deadline of its own.
    pub(crate) async fn long_call<T>(
        &self,
        operation: &'static str,
        id: &str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        let answer = call.await;
        self.answer(operation, id, answer)
    }

    fn answer<T>(
        &self,
        operation: &'static str,
        id: &str,
        answer: Result<Response<T>, Status>,
    ) -> Result<T, RpcError> {
        answer.map(Response::into_inner).map_err(|status| self.refused(operation, id, classify(&status)))
    }

    /// The error of a refused call.
    pub(crate) fn refused(&self, operation: &'static str, id: &str, kind: ErrorKind) -> RpcError {
        RpcError {
            operation,
            id: id.to_owned(),
            address: Arc::clone(&self.address),
            kind,
            limit: self.timeout,
        }
    }
}
