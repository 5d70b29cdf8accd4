//! A registry in the test's own process, which can be told to misbehave.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::task::AbortOnDropHandle;

use crate::archives::Layout;

/// What a registry does wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing but this status, this many times.
    Status(u16, usize),
    /// The first answer with the blob of this digest breaks off after this many bytes.
    BreakOff(String, usize),
    /// As many answers with the blob of this digest have one byte wrong.
    Corrupt(String, usize),
    /// Every answer with the blob of this digest is a whole one of as many bytes fewer.
    Shorten(String, usize),
    /// Blobs are answered only when the gate is opened.
    Gate,
    /// Answers to paths that contain this, with this status, never end.
    Endless(&'static str, u16),
}

/// A certificate that nobody can accept: of another name, and by nobody that is known.
const CERTIFICATE: &str = include_str!("certificate.pem");
/// Its key.
const KEY: &str = include_str!("key.pem");

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: String,
    /// First byte that was asked for, when it was not the whole.
    pub(crate) from: Option<u64>,
    /// What it carried as `Authorization`.
    pub(crate) authorization: Option<String>,
}

/// Answers in the registry's place, or lets a request through.
pub(crate) type Guard = Box<dyn Fn(&Seen) -> Option<Vec<u8>> + Send + Sync>;

/// The running registry; ends when it is dropped.
pub(crate) struct Registry {
    /// Host and port.
    pub(crate) domain: String,
    inner: Arc<Inner>,
    _server: AbortOnDropHandle<()>,
}

struct Inner {
    layout: Layout,
    tags: HashMap<String, String>,
    faults: Mutex<Vec<Fault>>,
    seen: Mutex<Vec<Seen>>,
    gate: Notify,
    guard: Guard,
    tls: Option<TlsAcceptor>,
    /// Bytes of answers without end.
    sent: AtomicU64,
    /// Requests that were none, as of those who want TLS where there is none.
    handshakes: AtomicU64,
    /// Answers without end that somebody did not want any more.
    left: watch::Sender<usize>,
}

impl Registry {
    /// Serves the blobs of a layout, with tags of the repository `test`.
    pub(crate) async fn start(layout: Layout, tags: &[(&str, &serde_json::Value)], faults: &[Fault]) -> Self {
        Self::guarded(layout, tags, faults, Box::new(|_| None)).await
    }

    /// The same behind a guard.
    pub(crate) async fn guarded(
        layout: Layout,
        tags: &[(&str, &serde_json::Value)],
        faults: &[Fault],
        guard: Guard,
    ) -> Self {
        Self::served(layout, tags, faults, guard, None).await
    }

    /// The same over TLS.
    pub(crate) async fn secure(layout: Layout, tags: &[(&str, &serde_json::Value)], guard: Guard) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate], key).expect("a pair");
        Self::served(layout, tags, &[], guard, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn served(
        layout: Layout,
        tags: &[(&str, &serde_json::Value)],
        faults: &[Fault],
        guard: Guard,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let digest = |root: &serde_json::Value| root["digest"].as_str().expect("a digest").to_owned();
        let tags = tags.iter().map(|(tag, root)| ((*tag).to_owned(), digest(root))).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let domain = listener.local_addr().expect("an address").to_string();
        let inner = Arc::new(Inner {
            layout,
            tags,
            faults: Mutex::new(faults.to_vec()),
            seen: Mutex::default(),
            gate: Notify::new(),
            guard,
            tls,
            sent: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            left: watch::Sender::new(0),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&inner)));
        Self { domain, inner, _server: AbortOnDropHandle::new(server) }
    }

    /// The reference of a tag.
    pub(crate) fn reference(&self, tag: &str) -> String {
        format!("{}/test:{tag}", self.domain)
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().expect("no panic").clone()
    }

    /// Requests for blobs so far.
    pub(crate) fn blobs_seen(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path.contains("/blobs/")).collect()
    }

    /// Bytes that were sent of answers without end.
    pub(crate) fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// How often TLS was wanted where there is none.
    pub(crate) fn handshakes(&self) -> u64 {
        self.inner.handshakes.load(Ordering::Relaxed)
    }

    /// Returns when nobody wants the rest of an answer without end.
    pub(crate) async fn left(&self) {
        let mut left = self.inner.left.subscribe();
        left.wait_for(|left| *left > 0).await.expect("the registry runs");
    }

    /// Lets one waiting blob through, or the next one.
    pub(crate) fn open_gate(&self) {
        self.inner.gate.notify_one();
    }
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        let inner = Arc::clone(&inner);
        tokio::spawn(async move {
            match inner.tls.clone() {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => answer(stream, inner).await,
                    Err(error) => Err(error),
                },
                None => answer(stream, inner).await,
            }
        });
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, inner: Arc<Inner>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        // As servers do that get a ClientHello and do not speak TLS.
        if !head[0].is_ascii_uppercase() {
            inner.handshakes.fetch_add(1, Ordering::Relaxed);
            stream.write_all(&http(400, "text/plain", b"400 Bad Request")).await?;
            return stream.shutdown().await;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let field = |wanted: &str| {
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned()).next()
    };
    let range = field("range").and_then(|range| range.strip_prefix("bytes=").map(str::to_owned));
    let from = range.and_then(|range| range.trim_end_matches('-').parse().ok());
    let seen = Seen { path, from, authorization: field("authorization") };
    inner.seen.lock().expect("no panic").push(seen.clone());
    if let Some(status) = inner.endless(&seen.path) {
        return inner.send_for_ever(stream, status).await;
    }
    let reply = match (inner.guard)(&seen) {
        Some(reply) => reply,
        None => inner.reply(&seen.path, from).await,
    };
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

impl Inner {
    async fn reply(&self, path: &str, from: Option<u64>) -> Vec<u8> {
        if let Some(status) = self.planted_status() {
            return http(status, "", b"planted");
        }
        let Some(name) = path.strip_prefix("/v2/test/") else { return http(200, "", b"{}") };
        let (kind, name) = name.split_once('/').unwrap_or_default();
        let digest = self.tags.get(name).map_or(name, String::as_str);
        let Some(blob) = self.layout.blobs.get(digest) else {
            return http(
                404,
                "application/json",
                br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#,
            );
        };
        if kind == "manifests" {
            return http(200, &blob.media_type, &blob.bytes);
        }
        self.blob(digest, &blob.bytes, from).await
    }

    async fn blob(&self, digest: &str, bytes: &[u8], from: Option<u64>) -> Vec<u8> {
        if self.faults.lock().expect("no panic").contains(&Fault::Gate) {
            self.gate.notified().await;
        }
        let start = usize::try_from(from.unwrap_or(0)).expect("a small blob");
        let mut rest = bytes[start..].to_vec();
        let mut cut = None;
        self.faults.lock().expect("no panic").retain_mut(|fault| match fault {
            Fault::BreakOff(of, after) if of == digest => {
                cut = Some(*after);
                false
            }
            Fault::Shorten(of, missing) if of == digest => {
                rest.truncate(rest.len().saturating_sub(*missing));
                true
            }
            Fault::Corrupt(of, times) if of == digest => {
                rest[0] ^= 1;
                *times -= 1;
                *times > 0
            }
            _ => true,
        });
        let kind = ("content-type", "application/octet-stream");
        let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
        let mut reply = match from {
            Some(_) => http_with(206, &[kind, ("content-range", &range)], &rest),
            None => http_with(200, &[kind], &rest),
        };
        if let Some(after) = cut {
            reply.truncate(reply.len() - rest.len() + after);
        }
        reply
    }

    fn endless(&self, path: &str) -> Option<u16> {
        let faults = self.faults.lock().expect("no panic");
        faults.iter().find_map(|fault| match fault {
            Fault::Endless(part, status) if path.contains(part) => Some(*status),
            _ => None,
        })
    }

    async fn send_for_ever(&self, mut stream: impl AsyncWrite + Unpin, status: u16) -> std::io::Result<()> {
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let piece = vec![b'7'; 64 << 10];
        while stream.write_all(&piece).await.is_ok() {
            self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        self.left.send_modify(|left| *left += 1);
        Ok(())
    }

    fn planted_status(&self) -> Option<u16> {
        let mut faults = self.faults.lock().expect("no panic");
        faults.iter_mut().find_map(|fault| match fault {
            Fault::Status(status, times) if *times > 0 => {
                *times -= 1;
                Some(*status)
            }
            _ => None,
        })
    }
}

fn http(status: u16, media_type: &str, body: &[u8]) -> Vec<u8> {
    http_with(status, &[("content-type", media_type)], body)
}

/// An answer with these header fields.
pub(crate) fn http_with(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let mut reply =
        format!("HTTP/1.1 {status} x\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n")
            .into_bytes();
    reply.extend_from_slice(body);
    reply
}
