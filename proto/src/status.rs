//! The status detail by which a client knows that starting a task again may help.

use prost::Message;
use tonic::{Code, Status};

use crate::pb::rpc;
use crate::pb::structs::RecoverableError;

/// The type URL under which clients look for the detail.
pub const RECOVERABLE_TYPE_URL: &str =
    "type.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError";

/// The status of an application error that the client should retry: `FAILED_PRECONDITION` with the
/// detail in `grpc-status-details-bin`.
pub fn recoverable(message: impl Into<String>) -> Status {
    let message = message.into();
    let detail = RecoverableError { recoverable: true };
    let inner = rpc::Status {
        code: Code::FailedPrecondition.into(),
        message: message.clone(),
        details: vec![prost_types::Any {
            type_url: RECOVERABLE_TYPE_URL.to_owned(),
            value: detail.encode_to_vec(),
        }],
    };
    Status::with_details(Code::FailedPrecondition, message, inner.encode_to_vec().into())
}

/// Whether the status carries the detail, and it says that a retry may help.
pub fn is_recoverable(status: &Status) -> bool {
    let Ok(inner) = rpc::Status::decode(status.details()) else {
        return false;
    };
    inner
        .details
        .iter()
        .filter(|detail| detail.type_url == RECOVERABLE_TYPE_URL)
        .any(|detail| RecoverableError::decode(detail.value.as_slice()).is_ok_and(|found| found.recoverable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_is_built_as_clients_read_it() {
        let status = recoverable("pull failed");
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "pull failed"));
        let inner = rpc::Status::decode(status.details()).unwrap();
        assert_eq!((inner.code, inner.message.as_str()), (9, "pull failed"));
        assert_eq!(inner.details[0].type_url, RECOVERABLE_TYPE_URL);
        assert_eq!(inner.details[0].value, [0x08, 0x01]);
    }

    #[test]
    fn the_detail_survives_the_trailers() {
        let headers = recoverable("pull failed").into_http::<()>().into_parts().0.headers;
        let status = Status::from_header_map(&headers).unwrap();
        assert!(is_recoverable(&status));
    }

    #[test]
    fn other_statuses_are_not_recoverable() {
        assert!(!is_recoverable(&Status::unknown("no")));
        assert!(!is_recoverable(&Status::failed_precondition("no")));
        assert!(!is_recoverable(&Status::with_details(Code::Unknown, "no", vec![0xff].into())));
    }
}
