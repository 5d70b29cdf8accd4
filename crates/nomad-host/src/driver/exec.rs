//! A command inside a task with its streams, as `nomad alloc exec` runs it.

use crate::driver::client::DriverClient;
use crate::driver::error::DriverError;
use crate::driver::types::TaskExit;
use nomad_proto::pb::driver::exec_task_streaming_request::{Setup, TerminalSize};
use nomad_proto::pb::driver::{
    ExecTaskStreamingIoOperation, ExecTaskStreamingRequest, ExecTaskStreamingResponse,
};
use std::collections::VecDeque;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

const CALL: &str = "ExecTaskStreaming";

/// How many requests may wait to be sent.
const QUEUE: usize = 16;

/// What a command printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecResult {
    /// Everything on stdout.
    pub stdout: Vec<u8>,
    /// Everything on stderr.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub exit: TaskExit,
}

/// One message of the driver's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// Bytes on stdout.
    Stdout(Vec<u8>),
    /// Bytes on stderr.
    Stderr(Vec<u8>),
    /// Nothing more will come on stdout.
    StdoutClosed,
    /// Nothing more will come on stderr.
    StderrClosed,
    /// The command has ended.
    Exited(TaskExit),
}

/// A running command. Dropping it drops the call, which ends the command.
#[derive(Debug)]
pub struct ExecSession {
    requests: mpsc::Sender<ExecTaskStreamingRequest>,
    responses: Streaming<ExecTaskStreamingResponse>,
    ready: VecDeque<ExecOutput>,
}

impl DriverClient {
    /// Starts a command inside a task, with a terminal if `tty`.
    ///
    /// # Errors
    /// The call failed. That the task is not known, or the command cannot be started, may only
    /// show when the session is read.
    pub async fn exec_task_streaming<S: Into<String>>(
        &self,
        task_id: &str,
        command: impl IntoIterator<Item = S>,
        tty: bool,
    ) -> Result<ExecSession, DriverError> {
        let setup = Setup {
            task_id: task_id.to_owned(),
            command: command.into_iter().map(Into::into).collect(),
            tty,
        };
        let first = ExecTaskStreamingRequest { setup: Some(setup), ..Default::default() };
        self.exec_session(first).await
    }

    /// The same with a first message of the caller's choice; the protocol wants a setup.
    ///
    /// # Errors
    /// The call failed.
    pub async fn exec_session(&self, first: ExecTaskStreamingRequest) -> Result<ExecSession, DriverError> {
        let (requests, queue) = mpsc::channel(QUEUE);
        // The queue is empty and its other end is in our hands, so this neither waits nor fails.
        let _ = requests.send(first).await;
        let answer = self.raw().exec_task_streaming(ReceiverStream::new(queue)).await;
        let responses = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        Ok(ExecSession { requests, responses, ready: VecDeque::new() })
    }
}

impl ExecSession {
    /// Writes to the command's stdin. What is written after the command ended is lost.
    pub async fn stdin(&self, data: impl Into<Vec<u8>>) {
        let operation = ExecTaskStreamingIoOperation { data: data.into(), close: false };
        self.send(ExecTaskStreamingRequest { stdin: Some(operation), ..Default::default() }).await;
    }

    /// Closes the command's stdin.
    pub async fn close_stdin(&self) {
        let operation = ExecTaskStreamingIoOperation { data: Vec::new(), close: true };
        self.send(ExecTaskStreamingRequest { stdin: Some(operation), ..Default::default() }).await;
    }

    /// Tells the terminal's size in rows and columns.
    pub async fn resize(&self, height: i32, width: i32) {
        let size = TerminalSize { height, width };
        self.send(ExecTaskStreamingRequest { tty_size: Some(size), ..Default::default() }).await;
    }

    /// Sends an empty message, as clients do to keep the call alive.
    pub async fn heartbeat(&self) {
        self.send(ExecTaskStreamingRequest::default()).await;
    }

    /// Sends a message as it is.
    pub async fn send(&self, request: ExecTaskStreamingRequest) {
        // The other end is gone only when the call has ended, which reading reports.
        let _ = self.requests.send(request).await;
    }

    /// The next piece of output; `None` when the call has ended well.
    ///
    /// # Errors
    /// The driver ended the call with an error, or the plugin is gone.
    pub async fn next(&mut self) -> Result<Option<ExecOutput>, DriverError> {
        loop {
            if let Some(output) = self.ready.pop_front() {
                return Ok(Some(output));
            }
            let message = self.responses.message().await;
            match message.map_err(|status| DriverError::from_status(CALL, status))? {
                None => return Ok(None),
                Some(response) => self.unpack(response)?,
            }
        }
    }

    fn unpack(&mut self, response: ExecTaskStreamingResponse) -> Result<(), DriverError> {
        if let Some(stdout) = response.stdout {
            if !stdout.data.is_empty() {
                self.ready.push_back(ExecOutput::Stdout(stdout.data));
            }
            if stdout.close {
                self.ready.push_back(ExecOutput::StdoutClosed);
            }
        }
        if let Some(stderr) = response.stderr {
            if !stderr.data.is_empty() {
                self.ready.push_back(ExecOutput::Stderr(stderr.data));
            }
            if stderr.close {
                self.ready.push_back(ExecOutput::StderrClosed);
            }
        }
        if response.exited {
            let exit = TaskExit::from_result(CALL, response.result)?;
            self.ready.push_back(ExecOutput::Exited(exit));
        }
        Ok(())
    }

    /// Reads until the call ends and gathers everything.
    ///
    /// # Errors
    /// The call failed, or ended without an exit.
    pub async fn finish(mut self) -> Result<ExecResult, DriverError> {
        let (mut stdout, mut stderr, mut exit) = (Vec::new(), Vec::new(), None);
        while let Some(output) = self.next().await? {
            match output {
                ExecOutput::Stdout(data) => stdout.extend(data),
                ExecOutput::Stderr(data) => stderr.extend(data),
                ExecOutput::Exited(how) => exit = Some(how),
                ExecOutput::StdoutClosed | ExecOutput::StderrClosed => {}
            }
        }
        let exit = exit.ok_or(DriverError::Incomplete { call: CALL, field: "exited" })?;
        Ok(ExecResult { stdout, stderr, exit })
    }
}
