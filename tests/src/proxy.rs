//! Stands between plugin and containerd: sees every call, and holds one before or after containerd has done it, so
//! that a test can kill either of them at exactly that point.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Calls that no operation on a task makes: the fingerprint's and the subscription to hints.
const BACKGROUND: [&str; 3] = ["Version/Version", "Introspection/", "Events/"];

/// A side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// containerd has not got it.
    Before,
    /// containerd has done it, and the plugin does not know.
    After,
}

/// A side of one call of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Service and method, such as `Tasks/Create`.
    pub method: String,
    /// Which of the operation's calls of that method, from 0.
    pub nth: usize,
    /// Where.
    pub edge: Edge,
}

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<String>,
    counts: BTreeMap<String, usize>,
    wanted: Option<Point>,
    /// The point has been reached: no operation gets any further.
    reached: bool,
}

/// A socket in the place of containerd's.
#[derive(Debug)]
pub struct Proxy {
    socket: PathBuf,
    upstream: PathBuf,
    seen: Arc<Mutex<Seen>>,
    held: watch::Sender<bool>,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    /// Serves `socket` in the place of `upstream`. Must be called in a runtime.
    pub fn start(socket: &Path, upstream: &Path) -> Arc<Self> {
        let proxy = Arc::new(Self {
            socket: socket.to_owned(),
            upstream: upstream.to_owned(),
            seen: Arc::default(),
            held: watch::Sender::new(false),
            serving: Mutex::default(),
        });
        proxy.open();
        proxy
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Accepts connections (again).
    pub fn open(self: &Arc<Self>) {
        let _stale = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket).unwrap();
        let proxy = Arc::clone(self);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = Arc::clone(&proxy);
                connections.spawn(proxy.serve(stream));
            }
        });
        *lock(&self.serving) = Some(serving);
    }

    /// Breaks every connection and refuses new ones, as containerd's death does.
    pub fn cut(&self) {
        if let Some(serving) = lock(&self.serving).take() {
            serving.abort();
        }
        let _gone = std::fs::remove_file(&self.socket);
    }

    /// Begins to watch an operation; with a point, its call is held there, and from then on every call and every
    /// answer of an operation, until the next watch begins. What was held stays so.
    pub fn watch(&self, point: Option<Point>) {
        *lock(&self.seen) = Seen { wanted: point, ..Seen::default() };
        self.held.send_replace(false);
    }

    /// The calls since [`Proxy::watch`], without those that belong to no operation.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.seen).calls.clone()
    }

    /// Returns when the point has been reached.
    pub async fn held(&self) {
        let mut held = self.held.subscribe();
        held.wait_for(|held| *held).await.unwrap();
    }

    async fn serve(self: Arc<Self>, stream: UnixStream) {
        let Ok(upstream) = UnixStream::connect(&self.upstream).await else { return };
        let client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let Ok((sender, connection)) = client.handshake(TokioIo::new(upstream)).await else { return };
        let forward = service_fn(|request: Request<Incoming>| {
            let (proxy, sender) = (Arc::clone(&self), sender.clone());
            async move { Ok::<_, Infallible>(proxy.forward(sender, request).await) }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let served = server.serve_connection(TokioIo::new(stream), forward);
        tokio::select! {
            _ended = served => {}
            _ended = connection => {}
        }
    }

    async fn forward(
        &self,
        mut sender: hyper::client::conn::http2::SendRequest<Incoming>,
        request: Request<Incoming>,
    ) -> Response<Incoming> {
        let method = short(request.uri().path());
        let nth = self.count(&method);
        self.hold_at(&method, nth, Edge::Before).await;
        let Ok(response) = sender.send_request(request).await else {
            // The connection breaks with it, as the other end of it is gone.
            return std::future::pending().await;
        };
        self.hold_at(&method, nth, Edge::After).await;
        response
    }

    fn count(&self, method: &str) -> usize {
        let mut seen = lock(&self.seen);
        if !is_background(method) {
            seen.calls.push(method.to_owned());
        }
        let count = seen.counts.entry(method.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    async fn hold_at(&self, method: &str, nth: usize, edge: Edge) {
        let here = Point { method: method.to_owned(), nth, edge };
        let held = {
            let mut seen = lock(&self.seen);
            seen.reached |= seen.wanted.take_if(|wanted| *wanted == here).is_some();
            seen.reached && !is_background(method)
        };
        if held {
            self.held.send_replace(true);
            std::future::pending::<()>().await;
        }
    }
}

fn is_background(method: &str) -> bool {
    BACKGROUND.iter().any(|background| method.contains(background))
}

/// `Tasks/Create` of `/containerd.services.tasks.v1.Tasks/Create`.
fn short(path: &str) -> String {
    path.rsplit_once('.').map_or(path, |(_, name)| name).to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
