//! The table at the end of a run.

use crate::duration::show_duration;
use crate::ending::Ending;
use crate::screen::show_ending;
use std::time::Duration;

/// One task's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// The task's name.
    pub task: String,
    /// How it ended.
    pub ending: Ending,
    /// From its first start to running.
    pub to_running: Option<Duration>,
    /// The most memory it was seen to use, in bytes.
    pub peak_memory: Option<u64>,
    /// How often it was started again.
    pub restarts: u32,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// In the order of the file.
    pub rows: Vec<SummaryRow>,
    /// From the first start to the last end.
    pub took: Duration,
    /// The exit code of the run.
    pub exit_code: i32,
}

impl Summary {
    /// The head line, the table and the closing line.
    pub(super) fn lines(&self) -> Vec<String> {
        let head = ["task", "result", "to running", "peak memory", "restarts"].map(str::to_owned);
        let mut table = vec![head];
        table.extend(self.rows.iter().map(SummaryRow::cells));
        let mut widths = [0; 5];
        for row in &table {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut lines: Vec<String> = table
            .iter()
            .map(|row| {
                let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            })
            .collect();
        lines.push(format!("ended with code {} after {}", self.exit_code, show_duration(self.took)));
        lines
    }
}

impl SummaryRow {
    fn cells(&self) -> [String; 5] {
        let none = || "–".to_owned();
        [
            self.task.clone(),
            show_ending(self.ending),
            self.to_running.map_or_else(none, show_duration),
            self.peak_memory.map_or_else(none, show_memory),
            self.restarts.to_string(),
        ]
    }
}

/// Bytes as MiB with one decimal place.
fn show_memory(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) / (1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use nomad_host::driver::TaskExit;

    #[test]
    fn the_table_lines_up() {
        let row = |task: &str, ending, peak_memory| SummaryRow {
            task: task.into(),
            ending,
            to_running: Some(Duration::from_millis(95)),
            peak_memory,
            restarts: 0,
        };
        let term = TaskExit { code: 143, signal: 15, oom_killed: false };
        let summary = Summary {
            rows: vec![
                row("server", Ending::Stopped(term), Some(12_900_000)),
                row("client", Ending::Exited(TaskExit::code(0)), None),
            ],
            took: Duration::from_millis(1_530),
            exit_code: 0,
        };
        expect![[r#"
            task    result                             to running  peak memory  restarts
            server  stopped, signal 15, exit code 143  95 ms       12.3 MiB     0
            client  exit code 0                        95 ms       –            0
            ended with code 0 after 1.5 s"#]]
        .assert_eq(&summary.lines().join("\n"));
    }
}
