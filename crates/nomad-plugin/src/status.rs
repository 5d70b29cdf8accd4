//! Errors on the wire. Clients match no texts and know two kinds: final, and worth another start.
//!
//! Neither `UNAVAILABLE` nor `CANCELLED` ever leaves this crate: a client takes them for a lost plugin.

use std::error::Error;

use driver_core::{DriverError, chain};
use nomad_proto::status::recoverable;
use tonic::Status;

/// Any failure: `UNKNOWN` with the error and its causes in one line.
pub(crate) fn plain(error: &(dyn Error + 'static)) -> Status {
    Status::unknown(told(error))
}

/// The failure of a start: recoverable where trying again may help, so that the job's restart policy applies.
pub(crate) fn of_start(error: &DriverError) -> Status {
    if error.is_recoverable() { recoverable(told(error)) } else { plain(error) }
}

/// How long a text may be on the wire, in bytes. It is sent as a header, of which HTTP/2 takes some 16 KiB: with a longer
/// one the whole call would be taken for one without an answer.
const LONGEST: usize = 4096;

/// The error and its causes in one line. What they quote of jobs, images and other programs may be of any length and have
/// anything in it: its end is left out, and what a terminal would not print is escaped.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let (mut text, mut sent) = (String::new(), 0);
    for character in chain(error).chars() {
        let begin = text.len();
        match character {
            '"' | '\'' | '\\' => text.push(character),
            other => text.extend(other.escape_debug()),
        }
        // What is not ASCII is sent as `%E5` for each byte.
        sent += text[begin..].bytes().map(|byte| if byte.is_ascii() { 1 } else { 3 }).sum::<usize>();
        if sent > LONGEST {
            text.truncate(begin);
            text.push('…');
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use driver_core::ports::ContainersError;
    use nomad_proto::status::is_recoverable;
    use tonic::Code;

    use super::*;

    fn lost() -> DriverError {
        let (operation, address, reason) = ("start the task", "/run/c.sock".to_owned(), "refused".to_owned());
        ContainersError::Lost { operation, address, reason }.into()
    }

    #[test]
    fn an_application_error_is_unknown_with_its_text() {
        let status = plain(&DriverError::TaskNotFound);
        assert_eq!((status.code(), status.message()), (Code::Unknown, "task not found for given id"));
        assert!(status.details().is_empty());
    }

    #[test]
    fn only_a_start_that_may_succeed_later_is_recoverable() {
        assert!(is_recoverable(&of_start(&lost())));
        assert!(!is_recoverable(&plain(&lost())));
        assert_eq!(of_start(&DriverError::TaskNotFound).code(), Code::Unknown);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let status = plain(&DriverError::NotRunning("a\n\u{1b}[2J\u{202e}ü名\\n\"".to_owned()));
        assert_eq!(status.message(), r#"task a\n\u{1b}[2J\u{202e}ü名\n" is not running"#);
    }

    #[test]
    fn the_end_of_a_text_that_is_too_long_is_left_out() {
        for (text, cost) in [("x", 1), ("名", 9), ("\n", 2)] {
            let status = plain(&DriverError::NotRunning(text.repeat(1 << 20)));
            let told = status.message().strip_prefix("task ").unwrap().strip_suffix('…').unwrap();
            let sent = told.bytes().map(|byte| if byte.is_ascii() { 1 } else { 3 }).sum::<usize>();
            assert!(sent <= LONGEST && sent > LONGEST - 5 - 2 * cost, "{sent}");
        }
    }

    #[test]
    fn causes_are_part_of_the_text() {
        let error = DriverError::Unwound { cleanup: vec!["rest".to_owned()], cause: Box::new(lost()) };
        let status = of_start(&error);
        assert!(is_recoverable(&status));
        expect_test::expect![[
            "clean-up after the failure was not complete either: rest: start the task: containerd at /run/c.sock can not be reached (refused)"
        ]]
        .assert_eq(status.message());
    }
}
