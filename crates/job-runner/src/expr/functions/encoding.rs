//! Functions that change a value's representation.

use super::arguments::Arguments;
use super::{Outcome, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use std::fmt::Write;

pub(super) fn jsonencode(arguments: &Arguments) -> Outcome {
    let text = serde_json::to_string(arguments.value(0)?).map_err(|error| error.to_string())?;
    Ok(text.into())
}

pub(super) fn jsondecode(arguments: &Arguments) -> Outcome {
    serde_json::from_str(&arguments.text(0)?).map_err(|error| format!("not JSON: {error}"))
}

pub(super) fn base64encode(arguments: &Arguments) -> Outcome {
    Ok(STANDARD.encode(arguments.text(0)?).into())
}

pub(super) fn base64decode(arguments: &Arguments) -> Outcome {
    let bytes = STANDARD.decode(arguments.text(0)?).map_err(|error| format!("not base64: {error}"))?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| "the decoded bytes are not text".to_owned())
}

pub(super) fn sha256(arguments: &Arguments) -> Outcome {
    let mut text = String::new();
    for byte in sha2::Sha256::digest(arguments.text(0)?) {
        write!(text, "{byte:02x}").map_err(|error| error.to_string())?;
    }
    Ok(text.into())
}

/// As in a query: a space becomes a plus sign.
pub(super) fn urlencode(arguments: &Arguments) -> Outcome {
    let mut text = String::new();
    for byte in arguments.text(0)?.bytes() {
        match byte {
            b' ' => text.push('+'),
            b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => write!(text, "%{byte:02X}").map_err(|error| error.to_string())?,
        }
    }
    Ok(text.into())
}

pub(super) fn uuidv4(_: &Arguments) -> Outcome {
    Ok(uuid::Uuid::new_v4().to_string().into())
}

#[cfg(test)]
mod tests {
    use crate::expr::functions::tests::value;

    #[test]
    fn json_goes_both_ways() {
        assert_eq!(value(r#"jsonencode({ a = [1, true, "x"] })"#), r#""{\"a\":[1,true,\"x\"]}""#);
        assert_eq!(value(r#"jsondecode("{\"a\": 1}").a"#), "1");
        assert!(value(r#"jsondecode("{")"#).starts_with("job.hcl:1: jsondecode(): not JSON"));
    }

    #[test]
    fn base64_goes_both_ways() {
        assert_eq!(value(r#"base64encode("hello")"#), r#""aGVsbG8=""#);
        assert_eq!(value(r#"base64decode("aGVsbG8=")"#), r#""hello""#);
        assert!(value(r#"base64decode("?")"#).starts_with("job.hcl:1: base64decode(): not base64"));
    }

    #[test]
    fn a_digest_is_written_in_hexadecimal() {
        assert_eq!(
            value(r#"sha256("abc")"#),
            r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#
        );
    }

    #[test]
    fn a_query_keeps_only_unreserved_letters() {
        assert_eq!(value(r#"urlencode("a b/c~ä")"#), r#""a+b%2Fc~%C3%A4""#);
    }

    #[test]
    fn every_uuid_is_another() {
        assert_ne!(value("uuidv4()"), value("uuidv4()"));
    }
}
