//! A registry in the test's own process, which can be told to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
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
    /// Blobs are answered only when the gate is opened.
    Gate,
}

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

    /// Lets one waiting blob through, or the next one.
    pub(crate) fn open_gate(&self) {
        self.inner.gate.notify_one();
    }
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&inner)));
    }
}

async fn answer(mut stream: TcpStream, inner: Arc<Inner>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
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
            Fault::Corrupt(of, times) if of == digest => {
                rest[0] ^= 1;
                *times -= 1;
                *times > 0
            }
            _ => true,
        });
        let status = if from.is_some() { 206 } else { 200 };
        let mut reply = http(status, "application/octet-stream", &rest);
        if let Some(after) = cut {
            reply.truncate(reply.len() - rest.len() + after);
        }
        reply
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
