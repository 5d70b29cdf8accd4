//! The streaming exec: setup first, then input, sizes and heartbeats one way, output and the result the other.

use driver_core::{Driver, ExecInput, ExecOutput, ExecRequest, TaskExit};
use futures::stream::{self, StreamExt};
use nomad_proto::pb::driver as pb;
use tokio::sync::mpsc::{Receiver, Sender};
use tonic::{Status, Streaming};

use super::task_id;
use crate::goplugin::Answers;
use crate::{status, to_wire};

/// Refuses a command without a program.
pub(super) fn check(command: &[String]) -> Result<(), Status> {
    match command.first() {
        Some(program) if !program.is_empty() => Ok(()),
        _ => Err(Status::unknown("a command is required")),
    }
}

/// Opens the exec that the first message asks for. A client that goes away ends the process.
pub(super) async fn stream(
    driver: &Driver,
    mut incoming: Streaming<pb::ExecTaskStreamingRequest>,
) -> Result<Answers<pb::ExecTaskStreamingResponse>, Status> {
    let first = incoming.message().await.map_err(|error| {
        Status::unknown(format!("failed to receive initial message: {}", error.message()))
    })?;
    let setup = first
        .and_then(|message| message.setup)
        .ok_or_else(|| Status::unknown("first message should always be setup"))?;
    let id = task_id(&setup.task_id)?;
    check(&setup.command)?;
    let request = ExecRequest { command: setup.command, tty: setup.tty, stdin: true };
    let session = driver.exec_session(&id, request).map_err(|error| status::plain(&error))?;
    tokio::spawn(feed(incoming, session.input));
    Ok(answers(session.output))
}

/// Hands the client's messages on until either side ends.
async fn feed(mut incoming: Streaming<pb::ExecTaskStreamingRequest>, input: Sender<ExecInput>) {
    loop {
        let message = tokio::select! {
            message = incoming.message() => message,
            () = input.closed() => return,
        };
        let Ok(Some(message)) = message else { return };
        for part in parts(message) {
            if input.send(part).await.is_err() {
                return;
            }
        }
    }
}

/// What one message holds: none for a heartbeat, and data and its end in one is two.
fn parts(message: pb::ExecTaskStreamingRequest) -> Vec<ExecInput> {
    let mut parts = Vec::new();
    if let Some(size) = message.tty_size
        && let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height))
    {
        parts.push(ExecInput::Resize { width, height });
    }
    if let Some(stdin) = message.stdin {
        if !stdin.data.is_empty() {
            parts.push(ExecInput::Stdin(stdin.data));
        }
        if stdin.close {
            parts.push(ExecInput::CloseStdin);
        }
    }
    parts
}

/// The answers, ended by the result or by an error.
fn answers(output: Receiver<ExecOutput>) -> Answers<pb::ExecTaskStreamingResponse> {
    stream::unfold(Some(output), |output| async move {
        let mut output = output?;
        Some(match output.recv().await {
            Some(ExecOutput::Stdout(data)) => (vec![Ok(stdout(data, false))], Some(output)),
            Some(ExecOutput::Stderr(data)) => (vec![Ok(stderr(data, false))], Some(output)),
            Some(ExecOutput::Exited(exit)) => {
                let result = to_wire::exit_result(&TaskExit::confirmed(exit, false));
                let last = pb::ExecTaskStreamingResponse {
                    exited: true,
                    result: Some(result),
                    ..Default::default()
                };
                (vec![Ok(stdout(Vec::new(), true)), Ok(stderr(Vec::new(), true)), Ok(last)], None)
            }
            Some(ExecOutput::Failed(error)) => (vec![Err(status::plain(&error))], None),
            None => (vec![Err(Status::unknown("the exec was interrupted"))], None),
        })
    })
    .flat_map(stream::iter)
    .boxed()
}

fn stdout(data: Vec<u8>, close: bool) -> pb::ExecTaskStreamingResponse {
    let operation = pb::ExecTaskStreamingIoOperation { data, close };
    pb::ExecTaskStreamingResponse { stdout: Some(operation), ..Default::default() }
}

fn stderr(data: Vec<u8>, close: bool) -> pb::ExecTaskStreamingResponse {
    let operation = pb::ExecTaskStreamingIoOperation { data, close };
    pb::ExecTaskStreamingResponse { stderr: Some(operation), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use driver_core::DriverError;
    use driver_core::ports::Exit;
    use tokio::sync::mpsc;
    use tonic::Code;

    use super::*;

    async fn answered(messages: Vec<ExecOutput>) -> Vec<Result<pb::ExecTaskStreamingResponse, Status>> {
        let (sender, receiver) = mpsc::channel(16);
        for message in messages {
            sender.send(message).await.unwrap();
        }
        drop(sender);
        answers(receiver).collect().await
    }

    #[tokio::test]
    async fn both_outputs_are_closed_before_the_result() {
        let exit = Exit { code: 137, at: SystemTime::UNIX_EPOCH };
        let output = vec![
            ExecOutput::Stdout(b"o".to_vec()),
            ExecOutput::Stderr(b"e".to_vec()),
            ExecOutput::Exited(exit),
        ];
        let answers: Vec<_> = answered(output).await.into_iter().map(Result::unwrap).collect();
        let result = Some(pb::ExitResult { exit_code: 137, signal: 9, oom_killed: false });
        let last = pb::ExecTaskStreamingResponse { exited: true, result, ..Default::default() };
        let expected = [
            stdout(b"o".to_vec(), false),
            stderr(b"e".to_vec(), false),
            stdout(Vec::new(), true),
            stderr(Vec::new(), true),
            last,
        ];
        assert_eq!(answers, expected);
    }

    #[tokio::test]
    async fn a_failure_or_an_interruption_is_the_last_answer() {
        for last in [vec![ExecOutput::Failed(DriverError::TaskNotFound)], Vec::new()] {
            let answers = answered(last).await;
            assert_eq!(answers.len(), 1);
            assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::Unknown);
        }
    }

    #[test]
    fn a_message_may_hold_nothing_or_data_with_its_end() {
        assert_eq!(parts(pb::ExecTaskStreamingRequest::default()), []);
        let stdin = pb::ExecTaskStreamingIoOperation { data: b"x".to_vec(), close: true };
        let both = pb::ExecTaskStreamingRequest { stdin: Some(stdin), ..Default::default() };
        assert_eq!(parts(both), [ExecInput::Stdin(b"x".to_vec()), ExecInput::CloseStdin]);
    }

    #[test]
    fn a_size_that_makes_no_sense_is_left_out() {
        let sized = |height, width| {
            let tty_size = Some(pb::exec_task_streaming_request::TerminalSize { height, width });
            parts(pb::ExecTaskStreamingRequest { tty_size, ..Default::default() })
        };
        assert_eq!(sized(40, 100), [ExecInput::Resize { width: 100, height: 40 }]);
        assert_eq!(sized(-1, 100), []);
    }

    #[test]
    fn a_command_needs_a_program() {
        assert!(check(&[]).is_err());
        assert!(check(&[String::new()]).is_err());
        assert!(check(&["sh".to_owned()]).is_ok());
    }
}
