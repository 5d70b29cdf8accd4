//! Runs the program of the targets, and says what it found.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::build::directory;
use super::said::Said;
use crate::screen::Step;
use crate::{files, place, process, signals};

/// The target with a fault in it.
const PLANTED: &str = "planted";

/// The longest that one input may take, in seconds.
const LONGEST: u32 = 5;

/// The most memory that the program may have, in MiB.
const MEMORY: u32 = 512;

/// The built program with what it begins with.
pub(crate) struct Engine {
    program: PathBuf,
    directory: PathBuf,
    /// Files of single inputs, in memory where the host has room for that.
    tmp: tempfile::TempDir,
}

/// How a run of a target ended.
pub(crate) enum Outcome {
    /// Everything held.
    Held,
    /// Something did not.
    Found {
        /// What, where the input lies, and how it is run again.
        told: String,
    },
}

/// Which inputs are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choices {
    /// Others each time, for those who look for faults.
    New,
    /// The same ones as far as the time goes, for a run of the tests, which is not to fail by chance.
    SameEachTime,
}

impl Engine {
    /// Writes down the targets with their seeds.
    ///
    /// # Errors
    /// The program can not be run.
    pub(crate) fn prepare(program: &Path) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let tmp = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let tmp = tmp.context("can not make a directory for files of inputs")?;
        let engine = Self { program: program.to_owned(), directory: directory(), tmp };
        let begin = engine.directory.join("begin");
        if begin.exists() {
            std::fs::remove_dir_all(&begin).with_context(|| format!("can not remove {}", begin.display()))?;
        }
        process::output(Command::new(program).env("FUZZ_PREPARE", &begin))?;
        Ok(engine)
    }

    /// The names of the targets.
    ///
    /// # Errors
    /// They can not be listed.
    pub(crate) fn targets(&self) -> Result<Vec<String>> {
        let entries = files::entries(&self.directory.join("begin"))?;
        let names = entries.iter().map(|path| files::name(path)).filter(|name| name != PLANTED);
        let names: Vec<String> = names.collect();
        ensure!(!names.is_empty(), "the program of the fuzz targets has none");
        Ok(names)
    }

    /// Feeds a target for some time, or until something does not hold.
    ///
    /// # Errors
    /// The program can not be run.
    pub(crate) fn feed(&self, target: &str, time: Duration, choices: Choices) -> Result<Outcome> {
        let step = Step::begin(format!("fuzzing {target}"));
        let mut said = Said::default();
        let mut command = self.command(target, time)?;
        if choices == Choices::SameEachTime {
            command.arg("-seed=1");
        }
        let status = process::stream(&mut command, |line| {
            if said.read(line) {
                step.note(line);
            }
        })?;
        if signals::received().is_some() {
            step.failed("interrupted");
        } else if status.success() {
            step.done(said.summed());
        } else {
            step.failed(&process::ending(status));
            return Ok(Outcome::Found { told: told(target, &said) });
        }
        Ok(Outcome::Held)
    }

    /// Whether the engine finds the planted fault, which no blind change of its seed would.
    ///
    /// # Errors
    /// The program can not be run.
    pub(crate) fn finds(&self, within: Duration) -> Result<bool> {
        let step = Step::begin("looking for a planted fault");
        for kept in [self.of(PLANTED, "corpus"), self.of(PLANTED, "found")] {
            let _none_yet = std::fs::remove_dir_all(kept);
        }
        let mut said = Said::default();
        let mut command = self.command(PLANTED, within)?;
        // The same choices each time, and those inputs kept that come nearer to what they are compared with.
        command.args(["-seed=1", "-use_value_profile=1"]);
        process::stream(&mut command, |line| {
            said.read(line);
        })?;
        let found = said.faults().iter().any(|line| line.contains("the planted fault"));
        if found {
            step.done("found")
        } else {
            step.failed("not found")
        }
        Ok(found)
    }

    fn of(&self, target: &str, what: &str) -> PathBuf {
        self.directory.join(what).join(target)
    }

    fn command(&self, target: &str, time: Duration) -> Result<Command> {
        let (corpus, found) = (self.of(target, "corpus"), self.of(target, "found"));
        for dir in [&corpus, &found] {
            std::fs::create_dir_all(dir).with_context(|| format!("can not make {}", dir.display()))?;
        }
        let begin = self.of(target, "begin");
        let longest = begin.join("longest");
        let longest = std::fs::read_to_string(&longest)
            .with_context(|| format!("can not read {}", longest.display()))?;
        let mut command = Command::new(&self.program);
        command.env("FUZZ_TARGET", target).env("TMPDIR", self.tmp.path()).env_remove("FUZZ_PREPARE");
        command.args([
            format!("-max_total_time={}", time.as_secs()),
            format!("-max_len={longest}"),
            format!("-timeout={LONGEST}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-artifact_prefix={}/", found.display()),
            "-print_final_stats=1".to_owned(),
        ]);
        let package = place::workspace().join("tests/fuzz");
        let words = package.join("words").join(target);
        if words.exists() {
            command.arg(format!("-dict={}", words.display()));
        }
        let cases = package.join("cases").join(target);
        command.arg(corpus).arg(begin.join("seeds")).args(cases.exists().then_some(cases));
        Ok(command)
    }
}

/// What was found, for people.
fn told(target: &str, said: &Said) -> String {
    let mut lines = vec![format!("FAILED {target}: an input that does not hold")];
    lines.extend(said.faults().iter().map(|line| format!("  {line}")));
    match said.input() {
        Some(path) => {
            let path = place::workspace().join(path);
            let path = path.display();
            lines.push(format!("  the input: {path}"));
            lines.push(format!("  again:     FUZZ_CASE={path} cargo test -p fuzz --test cases {target}"));
            lines.push(format!(
                "  to keep:   copy it into tests/fuzz/cases/{target}, named by what was wrong"
            ));
        }
        None => lines.push("  the program ended without writing the input down".to_owned()),
    }
    lines.join("\n")
}
