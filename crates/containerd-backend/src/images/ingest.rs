//! One writing session of containerd's content store (`Content.Write`): open, write at the offset, commit.

use containerd_client::services::v1::{AbortRequest, WriteAction, WriteContentRequest, WriteContentResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::labels::Labels;
use super::model::Descriptor;
use crate::grpc::classify::{ErrorKind, classify};
use crate::grpc::daemon::Daemon;
use crate::grpc::error::{RpcError, gone_is_fine};

/// The operation that errors name.
const WRITE: &str = "write content";

/// An open session. containerd holds the reference for it until it ends.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    daemon: &'a Daemon,
    blob: &'a Descriptor,
    requests: mpsc::Sender<WriteContentRequest>,
    responses: Streaming<WriteContentResponse>,
    offset: u64,
}

impl<'a> Session<'a> {
    /// Opens the reference, or takes up what an earlier session left.
    ///
    /// # Errors
    /// `AlreadyExists` when the blob is there, `RefLocked` when another client writes it.
    pub(crate) async fn open(
        daemon: &'a Daemon,
        reference: &str,
        blob: &'a Descriptor,
    ) -> Result<Self, RpcError> {
        let (requests, outgoing) = mpsc::channel(1);
        let stat = WriteContentRequest {
            action: WriteAction::Stat.into(),
            r#ref: reference.to_owned(),
            total: to_wire(blob.size),
            expected: blob.digest.clone(),
            ..WriteContentRequest::default()
        };
        // There is room for one: this never waits, and containerd answers nothing before it has it.
        let _ = requests.try_send(stat);
        let mut content = daemon.content();
        let call = content.write(ReceiverStream::new(outgoing));
        let responses = daemon.long_call(WRITE, &blob.digest, call).await?;
        let mut session = Self { daemon, blob, requests, responses, offset: 0 };
        session.offset = from_wire(session.answer().await?.offset);
        Ok(session)
    }

    /// How many bytes containerd has, from the beginning.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes the next bytes.
    pub(crate) async fn write(&mut self, data: Vec<u8>) -> Result<(), RpcError> {
        let end = self.offset + data.len() as u64;
        let request = WriteContentRequest {
            action: WriteAction::Write.into(),
            offset: to_wire(self.offset),
            data,
            ..WriteContentRequest::default()
        };
        self.send(request).await?;
        self.offset = end;
        Ok(())
    }

    /// Ends the session: containerd compares size and digest and keeps the blob.
    ///
    /// # Errors
    /// `WrongContent` when they differ; `AlreadyExists` when another client was faster.
    pub(crate) async fn commit(mut self, labels: &Labels) -> Result<(), RpcError> {
        let request = WriteContentRequest {
            action: WriteAction::Commit.into(),
            offset: to_wire(self.offset),
            total: to_wire(self.blob.size),
            expected: self.blob.digest.clone(),
            labels: labels.clone().into_iter().collect(),
            ..WriteContentRequest::default()
        };
        self.send(request).await
    }

    /// Ends the session without keeping the blob, and returns when containerd has let go of what was written.
    pub(crate) async fn close(self) {
        let Self { daemon, requests, mut responses, .. } = self;
        drop(requests);
        let ended = async { while let Ok(Some(_)) = responses.message().await {} };
        // A daemon that does not end it keeps the reference locked, which whoever opens it next is told.
        let _in_time = tokio::time::timeout(daemon.timeout(), ended).await;
    }

    async fn send(&mut self, request: WriteContentRequest) -> Result<(), RpcError> {
        // Nobody to receive it means that the call has ended; its answer says why.
        let _ = self.requests.send(request).await;
        self.answer().await.map(drop)
    }

    async fn answer(&mut self) -> Result<WriteContentResponse, RpcError> {
        let kind = match self.responses.message().await {
            Ok(Some(response)) => return Ok(response),
            Ok(None) => ErrorKind::Lost("the daemon ended the call".to_owned()),
            Err(status) => classify(&status),
        };
        Err(self.daemon.refused(WRITE, &self.blob.digest, kind))
    }
}

/// Throws away what was written under a reference.
pub(crate) async fn abort(daemon: &Daemon, reference: &str) -> Result<(), RpcError> {
    let mut content = daemon.content();
    let request = AbortRequest { r#ref: reference.to_owned() };
    gone_is_fine(daemon.call("throw away content", reference, content.abort(request)).await.map(drop))
}

fn to_wire(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_wire(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
