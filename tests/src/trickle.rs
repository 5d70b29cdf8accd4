//! A registry that sends the largest blob of its image so slowly that it never comes to an end, until it is let go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::daemon::archive;
use crate::registry::blobs;

/// The pause between two bytes: short enough for every clock that waits for the next one.
const PAUSE: Duration = Duration::from_millis(100);

/// A registry with one image, under any repository and tag. Dropping it ends it.
#[derive(Debug)]
pub struct Trickle {
    address: String,
    fast: watch::Sender<bool>,
    asked: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Content {
    manifest: (String, Vec<u8>),
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Trickle {
    /// Starts one with an archive of the table that has a single manifest. Must be called in a runtime.
    pub async fn of(name: &str) -> Self {
        let mut blobs = blobs(&archive(name).file);
        let index: Value = serde_json::from_slice(&blobs["index.json"]).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        let manifest = blobs.remove(&format!("blobs/{}", digest.replace(':', "/"))).unwrap();
        let content = Arc::new(Content { manifest: (digest, manifest), blobs });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (fast, let_go) = watch::channel(false);
        let (knock, asked) = watch::channel(0);
        let serving = tokio::spawn(async move {
            while let Ok((visitor, _)) = listener.accept().await {
                let (content, let_go, knock) = (Arc::clone(&content), let_go.clone(), knock.clone());
                tokio::spawn(async move {
                    let _hung_up = serve(visitor, &content, let_go, &knock).await;
                });
            }
        });
        Self { address, fast, asked, serving }
    }

    /// A reference of its image.
    pub fn reference(&self) -> String {
        format!("{}/team/slow:1", self.address)
    }

    /// Returns when the blob that does not come has been asked for.
    pub async fn asked(&self) {
        self.asked.clone().wait_for(|times| *times > 0).await.unwrap();
    }

    /// How often that blob was asked for.
    pub fn times(&self) -> usize {
        *self.asked.borrow()
    }

    /// Sends everything at once from now on.
    pub fn let_go(&self) {
        self.fast.send_replace(true);
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers the requests of one connection.
async fn serve(
    visitor: TcpStream,
    content: &Content,
    let_go: watch::Receiver<bool>,
    knock: &watch::Sender<usize>,
) -> std::io::Result<()> {
    let (reading, mut writing) = visitor.into_split();
    let mut lines = BufReader::new(reading).lines();
    while let Some(request) = lines.next_line().await? {
        while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
        let (method, rest) = request.split_once(' ').unwrap_or_default();
        let path = rest.split(' ').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let (digest, manifest) = &content.manifest;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let blob = content.blobs.get(&format!("blobs/{}", last.replace(':', "/")));
        let (kind, body) = match blob {
            Some(blob) => ("application/octet-stream", blob.as_slice()),
            None if path.contains("/manifests/") => (kind, manifest.as_slice()),
            None => ("application/json", b"{}".as_slice()),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\r\n",
            body.len(),
            if blob.is_some() { last } else { digest.as_str() },
        );
        writing.write_all(head.as_bytes()).await?;
        if method == "HEAD" {
            continue;
        }
        let largest = content.blobs.values().map(Vec::len).max().unwrap_or_default();
        let mut left = body;
        if body.len() == largest {
            knock.send_modify(|times| *times += 1);
            left = trickle(&mut writing, body, let_go.clone()).await?;
        }
        writing.write_all(left).await?;
    }
    Ok(())
}

/// Sends byte after byte until it is let go, and gives the rest.
async fn trickle<'b>(
    writing: &mut (impl AsyncWriteExt + Unpin),
    mut body: &'b [u8],
    mut let_go: watch::Receiver<bool>,
) -> std::io::Result<&'b [u8]> {
    while let Some((byte, rest)) = body.split_first() {
        if timeout(PAUSE, let_go.wait_for(|fast| *fast)).await.is_ok() {
            break;
        }
        writing.write_all(&[*byte]).await?;
        body = rest;
    }
    Ok(body)
}
