//! Lines of a plugin's stderr: hclog's JSON form, or plain text.

use serde_json::{Map, Value};

/// hclog's levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `trace`.
    Trace,
    /// `debug`; also what a line is that names no level.
    Debug,
    /// `info`.
    Info,
    /// `warn`.
    Warn,
    /// `error`.
    Error,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// The line's level.
    pub level: LogLevel,
    /// `@message`, or the whole line when it is not hclog's JSON.
    pub message: String,
    /// Every other key, `@module` and `@timestamp` included; empty for plain text.
    pub fields: Map<String, Value>,
    /// The line as it was written.
    pub raw: String,
}

impl LogLine {
    /// Reads one line, without its line feed.
    pub fn read(raw: &str) -> Self {
        let plain = || Self {
            level: LogLevel::Debug,
            message: raw.to_owned(),
            fields: Map::new(),
            raw: raw.to_owned(),
        };
        let Ok(Value::Object(mut fields)) = serde_json::from_str(raw) else {
            return plain();
        };
        let (Some(Value::String(message)), level) = (fields.remove("@message"), fields.remove("@level"))
        else {
            return plain();
        };
        let level = match level.as_ref().and_then(Value::as_str) {
            Some("trace") => LogLevel::Trace,
            Some("info") => LogLevel::Info,
            Some("warn") => LogLevel::Warn,
            Some("error") => LogLevel::Error,
            _ => LogLevel::Debug,
        };
        Self { level, message, fields, raw: raw.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_hclog_is_taken_apart() {
        let line = LogLine::read(r#"{"@level":"warn","@message":"slow","@module":"driver","task":"web"}"#);
        assert_eq!((line.level, line.message.as_str()), (LogLevel::Warn, "slow"));
        assert_eq!(line.fields["task"], "web");
        assert_eq!(line.fields.len(), 2);
    }

    #[test]
    fn plain_text_and_other_json_are_kept_as_they_are() {
        for raw in ["thread panicked", r#"{"a":1}"#, r#"{"@message":1}"#, ""] {
            let line = LogLine::read(raw);
            assert_eq!((line.level, line.message.as_str()), (LogLevel::Debug, raw));
            assert!(line.fields.is_empty());
        }
    }
}
