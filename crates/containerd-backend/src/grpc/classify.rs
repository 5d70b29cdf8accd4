//! The one place that looks at status codes, texts and sources of containerd's answers.
//!
//! tonic reports a lost connection as Internal, Cancelled, Unavailable or Unknown, depending on how HTTP/2 ended;
//! what it has in common is a source, which a status that the daemon itself sent never has.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};

/// What an answer means, free of codes and texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The object does not exist.
    NotFound,
    /// The object exists already.
    AlreadyExists,
    /// The daemon has not finished cleaning up after an earlier attempt.
    StillThere,
    /// The runtime lost its files to the daemon's clean-up after an earlier attempt, or broke by itself.
    Overtaken(String),
    /// Another writer holds the ingest of this reference.
    RefLocked,
    /// The bytes that were written do not have the expected digest or size.
    WrongContent(String),
    /// The daemon does not know the call.
    Unimplemented,
    /// The connection broke or can not be made.
    Lost(String),
    /// No answer within this time.
    TimedOut(Duration),
    /// The program can not be executed.
    Command {
        /// The program.
        command: String,
        /// What the runtime said of it.
        reason: String,
    },
    /// A snapshotter or runtime that the daemon does not have.
    Unsupported(String),
    /// The daemon gave up at a deadline of its own.
    GaveUp(String),
    /// Any other failure.
    Failed(String),
}

/// Reads a status.
pub(crate) fn classify(status: &Status) -> ErrorKind {
    if let Some(source) = status.source() {
        return ErrorKind::Lost(deepest(source));
    }
    let text = status.message();
    match status.code() {
        Code::Unimplemented => ErrorKind::Unimplemented,
        Code::DeadlineExceeded => ErrorKind::GaveUp(plain(text)),
        Code::FailedPrecondition if is_wrong_content(text) => ErrorKind::WrongContent(plain(text)),
        Code::Unavailable if is_locked_ref(text) => ErrorKind::RefLocked,
        Code::Unavailable | Code::Cancelled => ErrorKind::Lost(plain(text)),
        // The runtime's texts first: some versions wrap a missing program in NotFound.
        code => by_text(text).unwrap_or_else(|| match code {
            Code::NotFound => ErrorKind::NotFound,
            Code::AlreadyExists => ErrorKind::AlreadyExists,
            _ => ErrorKind::Failed(plain(text)),
        }),
    }
}

fn by_text(text: &str) -> Option<ErrorKind> {
    if let Some((command, reason)) = refused_command(text) {
        return Some(ErrorKind::Command { command, reason });
    }
    let missing = [
        "snapshotter not loaded",
        "failed to resolve runtime path",
        "invalid runtime name",
        "binary not installed",
    ];
    if missing.iter().any(|pattern| text.contains(pattern)) {
        return Some(ErrorKind::Unsupported(plain(text)));
    }
    // What runc or crun has is left of an attempt that was broken off; containerd does not know it.
    if text.contains("OCI runtime") && text.contains("already exists") {
        return Some(ErrorKind::AlreadyExists);
    }
    // The bundle of a task that was broken off, which containerd removes in its own time.
    if text.contains("mkdir ")
        && text.contains("io.containerd.runtime.v2.task/")
        && text.contains(": file exists")
    {
        return Some(ErrorKind::StillThere);
    }
    if text.contains("unable to retrieve OCI runtime error")
        && text.contains("log.json: no such file or directory")
    {
        return Some(ErrorKind::Overtaken(plain(text)));
    }
    // 1.7 says so of a sandbox record that is gone, without a code.
    if text.ends_with("bucket not found") || text.ends_with("bucket not found: unknown") {
        return Some(ErrorKind::NotFound);
    }
    let cut_off = ["ttrpc: closed", "transport error", "h2 protocol error", "transport is closing"];
    cut_off.iter().any(|pattern| text.contains(pattern)).then(|| ErrorKind::Lost(plain(text)))
}

/// A program that the runtime could not execute, and why: runc's `exec: "x": reason`, crun's `` executable file `x` ``.
fn refused_command(text: &str) -> Option<(String, String)> {
    if !text.contains("OCI runtime") {
        return None;
    }
    if let Some((_, rest)) = text.split_once("exec: \"") {
        let (command, after) = unquote(rest)?;
        let reason = plain(after.strip_prefix(": ").unwrap_or(after));
        return Some((command, reason));
    }
    if let Some((_, rest)) = text.split_once("executable file `") {
        let (command, after) = rest.split_once('`')?;
        return Some((command.to_owned(), format!("executable file {}", plain(after.trim_start()))));
    }
    None
}

/// Splits text at the closing quote of a Go string whose opening quote is gone.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn is_locked_ref(text: &str) -> bool {
    text.contains("ref ") && text.contains("locked")
}

fn is_wrong_content(text: &str) -> bool {
    text.contains("unexpected commit digest") || text.contains("unexpected commit size")
}

/// Without the code's name, which containerd appends to the text.
fn plain(text: &str) -> String {
    let names = [
        ": unknown",
        ": not found",
        ": invalid argument",
        ": unavailable",
        ": failed precondition",
        ": already exists",
    ];
    let end = names.iter().find_map(|name| text.strip_suffix(name)).unwrap_or(text);
    end.trim().to_owned()
}

/// The innermost cause, which alone is worth reading (`No such file or directory`).
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(code: Code, text: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", classify(&Status::new(code, text))));
    }

    #[test]
    fn a_program_missing_from_path_is_the_commands_fault() {
        check(
            Code::Unknown,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container \
             process: exec: \"nope\": executable file not found in $PATH: unknown",
            expect![[r#"Command { command: "nope", reason: "executable file not found in $PATH" }"#]],
        );
    }

    #[test]
    fn a_program_missing_by_path_is_the_commands_fault() {
        check(
            Code::Unknown,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container \
             process: exec: \"/bin/\\\"odd\": stat /bin/\"odd: no such file or directory: unknown",
            expect![[
                r#"Command { command: "/bin/\"odd", reason: "stat /bin/\"odd: no such file or directory" }"#
            ]],
        );
    }

    #[test]
    fn a_program_that_may_not_be_executed_is_the_commands_fault() {
        check(
            Code::Unknown,
            "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/etc/passwd\": \
             permission denied: unknown",
            expect![[r#"Command { command: "/etc/passwd", reason: "permission denied" }"#]],
        );
    }

    #[test]
    fn newer_runtimes_report_a_missing_program_during_the_containers_initialisation() {
        check(
            Code::NotFound,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container \
             process: error during container init: exec: \"nope\": executable file not found in $PATH: not found",
            expect![[r#"Command { command: "nope", reason: "executable file not found in $PATH" }"#]],
        );
    }

    #[test]
    fn crun_reports_a_missing_program_in_its_own_words() {
        check(
            Code::Unknown,
            "failed to create shim task: OCI runtime create failed: executable file `nope` not found in $PATH: No \
             such file or directory: unknown",
            expect![[
                r#"Command { command: "nope", reason: "executable file not found in $PATH: No such file or directory" }"#
            ]],
        );
    }

    #[test]
    fn a_missing_mount_source_is_not_the_commands_fault() {
        check(
            Code::Unknown,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container \
             process: error during container init: error mounting \"/gone\" to rootfs at \"/data\": stat /gone: no \
             such file or directory: unknown",
            expect![[
                r#"Failed("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting \"/gone\" to rootfs at \"/data\": stat /gone: no such file or directory")"#
            ]],
        );
    }

    #[test]
    fn a_runtime_without_a_shim_is_a_matter_of_configuration() {
        check(
            Code::Unknown,
            "failed to start shim: failed to resolve runtime path: runtime \"io.containerd.no.v9\" binary not \
             installed \"containerd-shim-no-v9\": file does not exist: unknown",
            expect![[
                r#"Unsupported("failed to start shim: failed to resolve runtime path: runtime \"io.containerd.no.v9\" binary not installed \"containerd-shim-no-v9\": file does not exist")"#
            ]],
        );
    }

    #[test]
    fn a_snapshotter_that_is_not_loaded_is_a_matter_of_configuration() {
        check(
            Code::InvalidArgument,
            "snapshotter not loaded: zfs: invalid argument",
            expect![[r#"Unsupported("snapshotter not loaded: zfs")"#]],
        );
    }

    #[test]
    fn a_ref_held_by_another_writer_is_told_from_a_daemon_that_is_down() {
        check(
            Code::Unavailable,
            "ref nomad/1/layer-sha256:00 locked for 12.3s (since 2024-01-01): unavailable",
            expect!["RefLocked"],
        );
        check(Code::Unavailable, "ref moby/1/x locked: unavailable", expect!["RefLocked"]);
        check(Code::Unavailable, "transport is closing", expect![[r#"Lost("transport is closing")"#]]);
    }

    #[test]
    fn plain_codes_keep_their_meaning() {
        check(Code::NotFound, "container \"x\" in namespace \"y\": not found", expect!["NotFound"]);
        check(Code::AlreadyExists, "container \"x\": already exists", expect!["AlreadyExists"]);
        check(
            Code::Unimplemented,
            "unknown service containerd.services.sandbox.v1.Store",
            expect!["Unimplemented"],
        );
        check(
            Code::FailedPrecondition,
            "unexpected commit digest sha256:00, expected sha256:11: failed precondition",
            expect![[r#"WrongContent("unexpected commit digest sha256:00, expected sha256:11")"#]],
        );
        check(
            Code::DeadlineExceeded,
            "context deadline exceeded",
            expect![[r#"GaveUp("context deadline exceeded")"#]],
        );
        check(Code::Internal, "disk full", expect![[r#"Failed("disk full")"#]]);
    }

    #[test]
    fn a_container_that_only_the_runtime_knows_exists_already() {
        check(
            Code::Unknown,
            "failed to create shim task: OCI runtime create failed: runc create failed: container with given ID already \
             exists: unknown",
            expect!["AlreadyExists"],
        );
    }

    #[test]
    fn the_bundle_of_an_earlier_attempt_is_still_there() {
        check(
            Code::Unknown,
            "failed to start shim: mkdir /run/containerd/io.containerd.runtime.v2.task/nomad/redis: file exists: unknown",
            expect!["StillThere"],
        );
        check(
            Code::AlreadyExists,
            "mkdir /run/containerd/io.containerd.runtime.v2.task/nomad/redis: file exists",
            expect!["StillThere"],
        );
    }

    #[test]
    fn a_runtime_whose_files_went_away_under_it_may_have_been_overtaken() {
        check(
            Code::Unknown,
            "failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error (open \
             /run/x/log.json: no such file or directory): runc did not terminate successfully: exit status 1: unknown",
            expect![[
                r#"Overtaken("failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error (open /run/x/log.json: no such file or directory): runc did not terminate successfully: exit status 1")"#
            ]],
        );
    }

    #[test]
    fn a_sandbox_record_that_is_gone_is_not_found_in_every_version() {
        check(Code::Unknown, "failed to delete sandbox \"x\": bucket not found", expect!["NotFound"]);
        check(Code::NotFound, "failed to delete sandbox \"x\": not found", expect!["NotFound"]);
    }

    #[test]
    fn a_shim_that_is_gone_leaves_the_outcome_open() {
        check(Code::Unknown, "ttrpc: closed: unknown", expect![[r#"Lost("ttrpc: closed")"#]]);
    }

    #[test]
    fn whatever_the_code_a_status_with_a_source_is_a_lost_connection() {
        let cause = std::io::Error::other("connection reset");
        for code in [Code::Internal, Code::Cancelled, Code::Unavailable, Code::Unknown] {
            let mut status = Status::new(code, "h2 protocol error: error reading a body from connection");
            status.set_source(Arc::new(std::io::Error::other(std::io::Error::new(
                cause.kind(),
                "reset by peer",
            ))));
            assert_eq!(classify(&status), ErrorKind::Lost("reset by peer".into()), "{code:?}");
        }
    }

    #[test]
    fn texts_of_a_transport_error_without_a_source_are_a_lost_connection_too() {
        check(Code::Unknown, "transport error", expect![[r#"Lost("transport error")"#]]);
        check(
            Code::Unknown,
            "h2 protocol error: stream no longer needed",
            expect![[r#"Lost("h2 protocol error: stream no longer needed")"#]],
        );
    }
}
