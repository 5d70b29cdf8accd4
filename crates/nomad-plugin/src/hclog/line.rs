//! One line of the log. The three keys that hosts consume are text by construction: anything else in them
//! crashes the agent.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::Value;

use super::timestamp;

/// Longest line in bytes, its line feed included. Hosts take 64 KiB and show longer ones raw.
pub const MAX_LINE: usize = 60 * 1024;

/// To how many bytes texts are cut when the line would be too long, tried in turn.
const CUTS: [usize; 4] = [16 * 1024, 4 * 1024, 1024, 256];

/// hclog's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The finest.
    Trace,
    /// For developers.
    Debug,
    /// What an operator may want to know.
    Info,
    /// What an operator should look at.
    Warn,
    /// What has failed.
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One event.
#[derive(Clone, Debug)]
pub struct Entry {
    level: Level,
    message: String,
    module: String,
    at: SystemTime,
    fields: BTreeMap<String, Value>,
}

impl Entry {
    /// An event without fields; `module` names the logger.
    pub fn new(level: Level, message: String, module: impl Into<String>, at: SystemTime) -> Self {
        Self { level, message, module: module.into(), at, fields: BTreeMap::new() }
    }

    /// Adds a field. A name that begins with `@` would be taken for one of the line's own keys and loses it.
    pub fn field(&mut self, name: &str, value: Value) {
        self.fields.insert(name.trim_start_matches('@').to_owned(), value);
    }

    /// The JSON line with its line feed, cut to [`MAX_LINE`].
    pub fn to_line(&self) -> String {
        let line = self.render(usize::MAX, true);
        if line.len() <= MAX_LINE {
            return line;
        }
        let cut = CUTS.iter().map(|cut| self.render(*cut, true)).find(|line| line.len() <= MAX_LINE);
        cut.unwrap_or_else(|| self.render(CUTS[CUTS.len() - 1], false))
    }

    fn render(&self, cut: usize, with_fields: bool) -> String {
        let mut line = format!(
            "{{\"@level\":\"{}\",\"@message\":{},\"@module\":{},\"@timestamp\":\"{}\"",
            self.level.as_str(),
            text(&self.message, cut),
            text(&self.module, cut),
            timestamp::format(self.at),
        );
        if with_fields {
            for (name, value) in &self.fields {
                let value = match value {
                    Value::String(value) => text(value, cut),
                    other => match other.to_string() {
                        long if long.len() > cut => text(&long, cut),
                        short => short,
                    },
                };
                line.push_str(&format!(",{}:{value}", text(name, cut)));
            }
        } else {
            line.push_str(&format!(",\"dropped_fields\":{}", self.fields.len()));
        }
        line.push_str("}\n");
        line
    }
}

/// A JSON string of at most so many bytes of the text.
fn text(text: &str, cut: usize) -> String {
    if text.len() <= cut {
        return Value::from(text).to_string();
    }
    let end = text.floor_char_boundary(cut);
    Value::from(format!("{}… ({} bytes)", &text[..end], text.len())).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn entry(message: &str, fields: &[(&str, Value)]) -> Entry {
        let at = UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_042);
        let mut entry = Entry::new(Level::Warn, message.to_owned(), "driver_core.stop", at);
        fields.iter().for_each(|(name, value)| entry.field(name, value.clone()));
        entry
    }

    #[test]
    fn a_line_has_the_keys_that_hosts_consume_and_all_others_beside_them() {
        let fields = [("task", Value::from("web")), ("pid", Value::from(12)), ("late", Value::from(true))];
        expect_test::expect![[r#"
            {"@level":"warn","@message":"a \"b\"\nc","@module":"driver_core.stop","@timestamp":"2023-11-14T22:13:20.000042Z","late":true,"pid":12,"task":"web"}
        "#]]
        .assert_eq(&entry("a \"b\"\nc", &fields).to_line());
    }

    #[test]
    fn no_field_can_take_the_place_of_a_key_of_the_line() {
        let line = entry("text", &[("@message", Value::from(1)), ("@@level", Value::Null)]).to_line();
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["@message"], "text");
        assert_eq!(parsed["@level"], "warn");
        assert_eq!(parsed["message"], 1);
    }

    #[test]
    fn a_long_text_is_cut_and_says_how_long_it_was() {
        let parsed: Value = serde_json::from_str(&entry(&"é".repeat(100_000), &[]).to_line()).unwrap();
        assert!(parsed["@message"].as_str().unwrap().ends_with("é… (200000 bytes)"));
    }

    #[test]
    fn very_many_fields_are_dropped_together() {
        let mut entry = entry("text", &[]);
        (0..10_000).for_each(|number| entry.field(&format!("field{number}"), Value::from("value")));
        let line = entry.to_line();
        assert!(line.len() <= MAX_LINE);
        assert!(line.ends_with(",\"dropped_fields\":10000}\n"));
    }

    proptest! {
        #[test]
        fn every_line_is_bounded_one_line_of_json(message in ".{0,30}", times in 0_usize..20_000, name in ".{0,20}",
                                                  value in "[\u{0}-\u{20}\"\\\\]{0,5}") {
            let line = entry(&message.repeat(times), &[(&name, Value::from(value.repeat(times)))]).to_line();
            prop_assert!(line.len() <= MAX_LINE);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let parsed: Value = serde_json::from_str(&line).unwrap();
            for key in ["@message", "@level", "@timestamp", "@module"] {
                prop_assert!(parsed[key].is_string());
            }
        }
    }
}
