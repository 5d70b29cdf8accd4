//! What a person sees: steps with a spinner on a terminal, plain lines elsewhere.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Prints a line to standard error; a closed standard error is not an error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line to standard output; a closed standard output is not an error.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line that warns.
pub(crate) fn warn(line: &str) {
    say(&format!("warning: {line}"));
}

/// Prints an error with the chain of its causes, one to a line.
pub(crate) fn error(error: &anyhow::Error) {
    say(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        say(&format!("  because: {cause}"));
    }
}

/// A piece of work that takes long enough to be shown.
pub(crate) struct Step {
    what: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    /// Shows that `what` begins.
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        match &bar {
            Some(bar) => {
                if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg}") {
                    bar.set_style(style);
                }
                bar.set_prefix(what.clone());
                bar.enable_steady_tick(Duration::from_millis(100));
            }
            None => say(&format!("... {what}")),
        }
        Self { what, begun: Instant::now(), bar }
    }

    /// Shows the last word of the work that runs, on a terminal only.
    pub(crate) fn note(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.trim().to_owned());
        }
    }

    /// Leaves the terminal to a command that shows its own progress.
    pub(crate) fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            say(&format!("... {}", self.what));
        }
    }

    /// Shows that the work is done, with its time.
    pub(crate) fn done(self, outcome: impl Display) {
        self.end("ok", &outcome.to_string());
    }

    /// Shows that the work has failed, with its time.
    pub(crate) fn failed(self, why: &str) {
        self.end("FAILED", why);
    }

    fn end(self, word: &str, outcome: &str) {
        let colon = if outcome.is_empty() { "" } else { ": " };
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say(&format!(" {word} {}{colon}{outcome} ({})", self.what, seconds(self.begun.elapsed())));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A duration for people: `0.4 s`, `12.0 s`, `3 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_people() {
        let written = [400, 12_000, 185_000].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(written, ["0.4 s", "12.0 s", "3 min 05 s"]);
    }
}
