//! What the engine, libFuzzer, writes while it runs.

use std::path::Path;

/// Lines of a fault that are kept.
const LINES: usize = 12;

/// What its lines told so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    runs: u64,
    per_second: u64,
    edges: u64,
    kept: u64,
    faults: Vec<String>,
    input: Option<String>,
}

impl Said {
    /// Takes the next line; whether it tells of progress.
    pub(super) fn read(&mut self, line: &str) -> bool {
        if let Some(path) = line.split("Test unit written to ").nth(1) {
            self.input = Some(path.trim().to_owned());
        } else if let Some(stat) = line.strip_prefix("stat::") {
            self.stat(stat);
        } else if line.starts_with('#') {
            return self.status(line);
        } else {
            self.fault(line);
        }
        false
    }

    /// What is wrong, in the engine's and the target's words.
    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The input that was found.
    pub(super) fn input(&self) -> Option<&Path> {
        self.input.as_deref().map(Path::new)
    }

    /// How far it came.
    pub(super) fn summed(&self) -> String {
        let Self { runs, per_second, edges, kept, .. } = self;
        format!("{runs} inputs, {per_second}/s, {edges} edges, {kept} in the corpus")
    }

    /// `#1234 NEW    cov: 56 ft: 78 corp: 9/10b …`.
    fn status(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |key: &str| {
            let place = words.iter().position(|word| *word == key)?;
            words.get(place + 1)?.split('/').next()?.parse().ok()
        };
        let (Some(edges), Some(kept)) = (after("cov:"), after("corp:")) else { return false };
        (self.edges, self.kept) = (edges, kept);
        true
    }

    fn stat(&mut self, stat: &str) {
        let Some((name, value)) = stat.split_once(':') else { return };
        let Ok(value) = value.trim().parse() else { return };
        match name {
            "number_of_executed_units" => self.runs = value,
            "average_exec_per_sec" => self.per_second = value,
            _ => {}
        }
    }

    /// A panic and what follows it, or the engine's own finding.
    fn fault(&mut self, line: &str) {
        let begins = line.contains(" panicked at ")
            || line.contains("ERROR: libFuzzer")
            || line.contains("memory allocation of");
        let is_noise = line.trim().is_empty() || line.starts_with("NOTE:") || line.starts_with("note:");
        if (begins || !self.faults.is_empty()) && !is_noise && self.faults.len() < LINES {
            self.faults.push(line.chars().take(400).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const SAID: &str = "\
INFO: Running with entropic power schedule (0xFF, 100).
#2	INITED cov: 17 ft: 18 corp: 1/1b exec/s: 0 rss: 35Mb
#1048576	pulse  cov: 56 ft: 78 corp: 9/10Kb lim: 4096 exec/s: 524288 rss: 35Mb
";

    fn said(text: &str) -> Said {
        let mut said = Said::default();
        for line in text.lines() {
            said.read(line);
        }
        said
    }

    #[test]
    fn progress_and_sums_are_read() {
        let end = "Done 2097152 runs in 4 second(s)\nstat::number_of_executed_units: 2097152\n\
            stat::average_exec_per_sec:     419430\nstat::peak_rss_mb:              38\n";
        let said = said(&format!("{SAID}{end}"));
        expect!["2097152 inputs, 419430/s, 56 edges, 9 in the corpus"].assert_eq(&said.summed());
        assert_eq!((said.faults(), said.input()), (&[][..], None));
    }

    #[test]
    fn a_fault_is_told_with_its_input() {
        let end = "\nthread '<unnamed>' (7) panicked at tests/fuzz/src/x.rs:7:5:\nleft is not right\n\
            note: run with `RUST_BACKTRACE=1`\n==7== ERROR: libFuzzer: deadly signal\n\
            NOTE: libFuzzer has rudimentary signal handlers.\nSUMMARY: libFuzzer: deadly signal\n\
            artifact_prefix='/f/'; Test unit written to /f/crash-0a\n";
        let said = said(&format!("{SAID}{end}"));
        expect![[r#"
            [
                "thread '<unnamed>' (7) panicked at tests/fuzz/src/x.rs:7:5:",
                "left is not right",
                "==7== ERROR: libFuzzer: deadly signal",
                "SUMMARY: libFuzzer: deadly signal",
            ]
        "#]]
        .assert_debug_eq(&said.faults());
        assert_eq!(said.input(), Some(Path::new("/f/crash-0a")));
    }
}
