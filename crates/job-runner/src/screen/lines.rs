//! A screen that only ever adds lines.

use crate::duration::show_duration;
use crate::screen::{Screen, Summary, TaskChange, show_exit};
use nomad_host::logs::{LogStream, TaskLine};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// The colours of task names, in the order in which tasks appear.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 96];
const RED: u8 = 31;
const YELLOW: u8 = 33;
const BOLD: u8 = 1;
const DIM: u8 = 2;

/// Writes a line for everything: a task's name, a sign (`|` for its stdout, `!` for its stderr,
/// `·` for what happens to it) and the text.
pub struct LineScreen {
    out: Mutex<Box<dyn Write + Send>>,
    names: Vec<String>,
    width: usize,
    colours: bool,
}

impl LineScreen {
    /// Writes to standard output, with colours if that is a terminal.
    pub fn stdout(names: Vec<String>) -> Self {
        let stdout = std::io::stdout();
        let colours = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self::new(Box::new(stdout), names, colours)
    }

    /// Writes anywhere. The names of all tasks give the width of the first column.
    pub fn new(out: Box<dyn Write + Send>, names: Vec<String>, colours: bool) -> Self {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        Self { out: Mutex::new(out), names, width, colours }
    }

    fn write(&self, bytes: &[u8]) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away does not stop the job.
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    fn paint(&self, colour: u8, text: &str) -> String {
        match self.colours {
            true => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    fn name(&self, name: &str) -> String {
        let position = self.names.iter().position(|known| known == name).unwrap_or(0);
        let padded = format!("{name:<width$}", width = self.width);
        self.paint(COLOURS[position % COLOURS.len()], &padded)
    }

    fn event(&self, name: &str, text: &str) {
        self.write(format!("{} {} {text}\n", self.name(name), self.paint(DIM, "·")).as_bytes());
    }
}

fn describe(change: &TaskChange) -> (Option<u8>, String) {
    match change {
        TaskChange::Starting => (None, "starting".to_owned()),
        TaskChange::Driver(text) => (None, text.clone()),
        TaskChange::Running { took } => (None, format!("running after {}", show_duration(*took))),
        TaskChange::NotStarted(reason) => (Some(RED), format!("not started: {reason}")),
        TaskChange::Exited(exit) if exit.is_success() => (None, format!("ended: {}", show_exit(*exit))),
        TaskChange::Exited(exit) => (Some(YELLOW), format!("ended: {}", show_exit(*exit))),
        TaskChange::StopAsked(reason) => (None, format!("to be stopped: {reason}")),
        TaskChange::Stopping => (None, "stopping".to_owned()),
        TaskChange::Abandoned => (Some(YELLOW), "its start is given up".to_owned()),
        TaskChange::Restarting { delay, next_interval: false } => {
            (None, format!("started again in {}", show_duration(*delay)))
        }
        TaskChange::Restarting { delay, next_interval: true } => {
            (None, format!("restarts are used up, started again in {}", show_duration(*delay)))
        }
        TaskChange::Failed(reason) => (Some(RED), format!("failed: {reason}")),
        TaskChange::Fault(text) => (Some(RED), text.clone()),
    }
}

impl Screen for LineScreen {
    fn task(&self, name: &str, change: TaskChange) {
        let (colour, text) = describe(&change);
        let text = colour.map_or(text.clone(), |colour| self.paint(colour, &text));
        self.event(name, &text);
    }

    fn line(&self, line: &TaskLine) {
        let sign = match line.stream {
            LogStream::Stdout => self.paint(DIM, "|"),
            LogStream::Stderr => self.paint(RED, "!"),
        };
        let mut bytes = format!("{} {sign} ", self.name(&line.task)).into_bytes();
        bytes.extend(line.bytes.iter().filter(|byte| **byte != b'\r'));
        bytes.push(b'\n');
        self.write(&bytes);
    }

    fn note(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    fn warning(&self, text: &str) {
        self.write(format!("{} {text}\n", self.paint(YELLOW, "warning:")).as_bytes());
    }

    fn error(&self, text: &str) {
        self.write(format!("{} {text}\n", self.paint(RED, "error:")).as_bytes());
    }

    fn summary(&self, summary: &Summary) {
        let mut lines = summary.lines().into_iter();
        if let Some(head) = lines.next() {
            self.write(format!("\n{}\n", self.paint(BOLD, &head)).as_bytes());
        }
        lines.for_each(|line| self.write(format!("{line}\n").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use nomad_host::driver::TaskExit;
    use std::sync::Arc;
    use std::time::Duration;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(colours: bool, show: impl FnOnce(&LineScreen)) -> String {
        let out = Shared::default();
        show(&LineScreen::new(Box::new(out.clone()), vec!["db".into(), "client".into()], colours));
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn line(task: &str, stream: LogStream, text: &str) -> TaskLine {
        TaskLine { task: task.into(), stream, bytes: text.into(), complete: true }
    }

    #[test]
    fn every_line_begins_with_the_tasks_name() {
        let text = shown(false, |screen| {
            screen.note("job redis");
            screen.task("db", TaskChange::Running { took: Duration::from_millis(84) });
            screen.line(&line("client", LogStream::Stdout, "hello\r"));
            screen.line(&line("db", LogStream::Stderr, "oh"));
            screen.task("client", TaskChange::Exited(TaskExit::code(3)));
            screen.task(
                "client",
                TaskChange::Restarting { delay: Duration::from_secs(15), next_interval: false },
            );
            screen.warning("left out");
        });
        expect![[r#"
            job redis
            db     · running after 84 ms
            client | hello
            db     ! oh
            client · ended: exit code 3
            client · started again in 15.0 s
            warning: left out
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn colours_are_there_only_when_asked_for() {
        let show = |screen: &LineScreen| screen.line(&line("db", LogStream::Stdout, "x"));
        assert_eq!(shown(true, show), "\u{1b}[36mdb    \u{1b}[0m \u{1b}[2m|\u{1b}[0m x\n");
        assert_eq!(shown(false, show), "db     | x\n");
    }

    #[test]
    fn signals_and_want_of_memory_are_told() {
        let killed = TaskExit { code: 137, signal: 9, oom_killed: false };
        assert_eq!(show_exit(killed), "signal 9, exit code 137");
        assert_eq!(show_exit(TaskExit { oom_killed: true, ..killed }), "out of memory, exit code 137");
    }
}
