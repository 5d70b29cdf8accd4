//! Logging as plugin hosts read it: hclog's JSON lines on standard error.

mod layer;
mod line;
mod queue;
mod timestamp;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::{self, PanicHookInfo};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

pub use layer::HclogLayer;
pub use line::{Entry, Level, MAX_LINE};
pub use queue::LineQueue;

/// What is logged unless the environment says otherwise: the host filters by its own level, but the
/// libraries below are of no use to an operator.
const DEFAULT_FILTER: &str = "debug,h2=warn,hyper=warn,hyper_util=warn,tonic=warn,tower=warn";

/// The environment variable that changes the filter, in `tracing`'s directives.
const ENV_FILTER: &str = "CONTAINERD_DRIVER_LOG";

/// How long the end of the process, or of a thread that panics, waits for the host to read what it was told last.
pub const LAST_LINES: Duration = Duration::from_secs(1);

/// Nothing is logged.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The thread that writes.
    #[error("the log's thread cannot be started")]
    Thread(#[from] io::Error),
    /// Another subscriber was installed before.
    #[error("the log cannot be installed")]
    Subscriber(#[from] TryInitError),
}

/// Sends all of the process's events and panics to standard error from now on. The queue is to be flushed in the end.
///
/// # Errors
/// [`InstallError`].
pub fn install() -> Result<LineQueue, InstallError> {
    let queue = LineQueue::new(io::stderr())?;
    let of_panics = queue.clone();
    panic::set_hook(Box::new(move |info| {
        of_panics.push(of_panic(info).to_line());
        of_panics.flush(LAST_LINES);
    }));
    let filter = std::env::var(ENV_FILTER).ok().and_then(|text| EnvFilter::try_new(text).ok());
    tracing_subscriber::registry()
        .with(filter.unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER)))
        .with(HclogLayer::new(queue.clone()))
        .try_init()?;
    Ok(queue)
}

fn of_panic(info: &PanicHookInfo<'_>) -> Entry {
    let text = info.payload_as_str().unwrap_or("a value that is no text");
    let mut entry = Entry::new(Level::Error, format!("panic: {text}"), "panic", SystemTime::now());
    let thread = std::thread::current();
    entry.field("thread", Value::from(thread.name().unwrap_or("unnamed")));
    if let Some(place) = info.location() {
        entry.field("location", Value::from(place.to_string()));
    }
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        entry.field("backtrace", Value::from(backtrace.to_string()));
    }
    entry
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_panic_becomes_one_line() {
        let (sender, receiver) = mpsc::channel();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some("panicking") {
                sender.send(of_panic(info).to_line()).ok();
            }
        }));
        let thread = std::thread::Builder::new().name("panicking".to_owned());
        let joined = thread.spawn(|| panic!("two\nlines")).unwrap().join();
        panic::set_hook(before);
        assert!(joined.is_err());
        let line = receiver.recv().unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["@message"], "panic: two\nlines");
        assert_eq!(parsed["@level"], "error");
        assert_eq!(parsed["thread"], "panicking");
        assert!(parsed["location"].as_str().unwrap().contains("hclog.rs:"));
    }
}
