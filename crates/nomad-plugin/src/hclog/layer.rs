//! `tracing` events as lines.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::time::SystemTime;

use driver_core::chain;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::line::{Entry, Level};
use super::queue::LineQueue;

/// Writes each event as one line. Fields of the spans around it come along; its own win.
#[derive(Debug)]
pub struct HclogLayer(LineQueue);

impl HclogLayer {
    /// A layer whose lines go into a queue.
    pub fn new(queue: LineQueue) -> Self {
        Self(queue)
    }
}

/// The fields of a span, kept with it.
struct SpanFields(Fields);

/// Fields by their names.
#[derive(Clone, Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let number = serde_json::Number::from_f64(value);
        self.0.insert(field.name(), number.map_or_else(|| Value::from(value.to_string()), Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.insert(field.name(), chain(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").into());
    }
}

impl<S> Layer<S> for HclogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(fields)) = span.extensions_mut().get_mut()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(SpanFields(of_span)) = span.extensions().get() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let message = match fields.0.remove("message") {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => event.metadata().name().to_owned(),
        };
        let module = event.metadata().target().replace("::", ".");
        let mut entry = Entry::new(level(*event.metadata().level()), message, module, SystemTime::now());
        for (name, value) in fields.0 {
            entry.field(name, value);
        }
        self.0.push(entry.to_line());
    }
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that the action logs, parsed and without their timestamps.
    fn logged(action: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let queue = LineQueue::new(kept.clone()).unwrap();
        let subscriber = tracing_subscriber::registry().with(HclogLayer::new(queue.clone()));
        tracing::subscriber::with_default(subscriber, action);
        queue.flush(Duration::from_secs(60));
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let parse = |line: &str| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            assert!(value.as_object_mut().unwrap().remove("@timestamp").unwrap().is_string());
            value
        };
        text.lines().map(parse).collect()
    }

    #[test]
    fn events_keep_the_kinds_of_their_fields() {
        let lines = logged(|| {
            tracing::warn!(target: "a::b", count = 3, signed = -1, share = 0.5, ok = true, odd = f64::NAN,
                           name = "x", shown = %"y", debug = ?"z", "text {}", 1);
        });
        let expected = serde_json::json!({
            "@level": "warn", "@message": "text 1", "@module": "a.b",
            "count": 3, "signed": -1, "share": 0.5, "ok": true, "odd": "NaN", "name": "x", "shown": "y", "debug": "\"z\"",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn fields_of_spans_come_along_and_inner_ones_win() {
        let lines = logged(|| {
            let outer =
                tracing::info_span!("start", task = "outer", alloc = "a", image = tracing::field::Empty);
            outer.record("image", "redis");
            let _outer = outer.entered();
            let _inner = tracing::info_span!("pull", task = "inner").entered();
            tracing::info!(alloc = "b", "done");
        });
        assert_eq!(
            lines[0],
            serde_json::json!({"@level": "info", "@message": "done", "@module": module_path!().replace("::", "."),
                               "task": "inner", "alloc": "b", "image": "redis"})
        );
    }

    #[test]
    fn an_error_is_logged_with_its_whole_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        let lines = logged(|| {
            let error = Outer(io::Error::other("inner"));
            tracing::error!(error = &error as &(dyn Error + 'static), "failed");
        });
        assert_eq!(lines[0]["error"], "outer: inner");
    }

    #[test]
    fn a_message_that_is_no_text_becomes_text() {
        let lines = logged(|| {
            tracing::trace!(message = 5);
            tracing::debug!(only = 1);
        });
        assert_eq!(lines[0]["@message"], "5");
        assert!(lines[1]["@message"].is_string());
    }
}
