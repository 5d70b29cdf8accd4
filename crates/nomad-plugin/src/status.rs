//! Errors on the wire. Clients match no texts and know two kinds: final, and worth another start.
//!
//! Neither `UNAVAILABLE` nor `CANCELLED` ever leaves this crate: a client takes them for a lost plugin.

use std::error::Error;

use driver_core::{DriverError, chain};
use nomad_proto::status::recoverable;
use tonic::Status;

/// Any failure: `UNKNOWN` with the error and its causes in one line.
pub(crate) fn plain(error: &(dyn Error + 'static)) -> Status {
    Status::unknown(chain(error))
}

/// The failure of a start: recoverable where trying again may help, so that the job's restart policy applies.
pub(crate) fn of_start(error: &DriverError) -> Status {
    if error.is_recoverable() { recoverable(chain(error)) } else { plain(error) }
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
