//! Commands: run and read, run and stream, and processes found and ended by their ids.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::{files, signals};

/// A command for people, without its `-o KEY=VALUE` settings.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut shown = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "-o" {
            words.next();
        } else {
            shown.push(word);
        }
    }
    shown.join(" ")
}

/// Runs a command without input and gives its standard output.
///
/// # Errors
/// It can not be started, or it fails: the last lines of its standard error are in the error.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let spelled = spelled(command);
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("can not start `{spelled}`"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        bail!("`{spelled}` ended with {}:\n{}", ending(done.status), files::tail(&said, 12));
    }
    Ok(done.stdout)
}

/// As [`output`], as text.
///
/// # Errors
/// As [`output`].
pub(crate) fn text(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&output(command)?).into_owned())
}

/// Runs a command and hands on each line of its standard output and error, in the order of their coming.
///
/// What a process that the command left behind may still write is not waited for.
///
/// # Errors
/// It can not be started or its output can not be read.
pub(crate) fn stream(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    let spelled = spelled(command);
    let (reader, writer) = std::io::pipe().context("can not make a pipe")?;
    let again = writer.try_clone().context("can not share a pipe")?;
    command.stdin(Stdio::null()).stdout(writer).stderr(again);
    let mut child = command.spawn().with_context(|| format!("can not start `{spelled}`"))?;
    // The command keeps copies of the pipe's writing end until it gets other files.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _handed = signals::hand_to(child.id());
    let end = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).context("can not watch a process")?;
    read_lines(reader, &end, &mut on_line).with_context(|| format!("can not read from `{spelled}`"))?;
    child.wait().with_context(|| format!("can not wait for `{spelled}`"))
}

/// Runs a command as [`stream`] does, and gives all that it said as well.
///
/// # Errors
/// As of [`stream`].
pub(crate) fn heard(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<(ExitStatus, String)> {
    let mut said = String::new();
    let status = stream(command, |line| {
        on_line(line);
        said.push_str(line);
        said.push('\n');
    })?;
    Ok((status, said))
}

/// Reads until the pipe is at its end, or the process has ended and the pipe is empty.
fn read_lines(
    mut pipe: impl Read + AsFd,
    end: &OwnedFd,
    on_line: &mut impl FnMut(&str),
) -> std::io::Result<()> {
    let mut open = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let mut fds = [PollFd::new(&pipe, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
        retry_on_intr(|| poll(&mut fds, None))?;
        if fds[0].revents().is_empty() {
            break;
        }
        let count = pipe.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        open.extend_from_slice(buffer.get(..count).unwrap_or_default());
        while let Some(at) = open.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = open.drain(..=at).collect();
            on_line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        }
    }
    if !open.is_empty() {
        on_line(&String::from_utf8_lossy(&open));
    }
    Ok(())
}

/// Runs a command on this process's own terminal.
///
/// # Errors
/// It can not be started.
pub(crate) fn foreground(command: &mut Command) -> Result<ExitStatus> {
    let spelled = spelled(command);
    let mut child = command.spawn().with_context(|| format!("can not start `{spelled}`"))?;
    let _handed = signals::hand_to(child.id());
    child.wait().with_context(|| format!("can not wait for `{spelled}`"))
}

/// How a command ended, in words.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

/// The exit code that a shell would give.
pub(crate) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// One process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its id.
    pub(crate) pid: i32,
    /// Its parent's id.
    pub(crate) parent: i32,
    /// Its arguments, the program first; empty for a kernel thread or a process that ended.
    pub(crate) args: Vec<String>,
}

/// All processes of this host.
pub(crate) fn all() -> BTreeMap<i32, Seen> {
    let found = files::entries(Path::new("/proc")).unwrap_or_default();
    let pids = found.iter().filter_map(|path| files::name(path).parse().ok());
    pids.filter_map(|pid| Some((pid, seen(pid)?))).collect()
}

fn seen(pid: i32) -> Option<Seen> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let args = cmdline.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut args: Vec<String> = args.collect();
    args.pop();
    Some(Seen { pid, parent: parent_of(&stat)?, args })
}

/// The parent's id out of a line of `/proc/<pid>/stat`, whose second field may hold anything (proc(5)).
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The processes beneath `root`, children after their parents.
pub(crate) fn beneath(root: i32, all: &BTreeMap<i32, Seen>) -> Vec<i32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.values().filter(|seen| seen.parent == parent).map(|seen| seen.pid));
        next += 1;
    }
    found.remove(0);
    found
}

/// Sends a signal and waits until the process is gone or the time is over; whether it is gone.
pub(crate) fn end(pid: i32, signal: Signal, within: Duration) -> bool {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
    gone(pid, Instant::now() + within)
}

/// Waits until the process is gone or the deadline has passed; whether it is gone.
pub(crate) fn gone(pid: i32, deadline: Instant) -> bool {
    let Some(pid) = Pid::from_raw(pid) else { return true };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    wait_any(&mut fds, deadline)
}

/// Waits until one of the descriptors is ready or the deadline has passed; whether one is ready.
pub(crate) fn wait_any(fds: &mut [PollFd<'_>], deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).ok();
        match poll(fds, time.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(ready) => return ready > 0,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_left_out_of_a_spelled_command() {
        let mut command = Command::new("apt-get");
        assert_eq!(spelled(command.args(["-o", "A=b", "download", "x"])), "apt-get download x");
    }

    #[test]
    fn the_parent_is_read_past_a_name_with_brackets() {
        assert_eq!(parent_of("12 (a) b) (c) S 7 12 12 0"), Some(7));
        assert_eq!(parent_of("nonsense"), None);
    }

    #[test]
    fn descendants_are_found_through_all_generations() {
        let seen = |pid, parent| (pid, Seen { pid, parent, args: Vec::new() });
        let all = BTreeMap::from([seen(1, 0), seen(2, 1), seen(3, 2), seen(4, 1), seen(9, 8)]);
        assert_eq!(beneath(1, &all), [2, 4, 3]);
        assert_eq!(beneath(9, &all), Vec::<i32>::new());
    }

    #[test]
    fn a_failing_command_says_its_words_and_its_code() {
        let failed = output(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"])).unwrap_err();
        assert!(failed.to_string().ends_with("ended with exit code 3:\nno such luck"), "{failed}");
    }

    #[test]
    fn both_streams_of_a_command_arrive_as_lines() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        let command = command.args(["-c", "echo one; echo two >&2; printf three; exit 4"]);
        let status = stream(command, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!((lines, code(status)), (vec!["one".into(), "two".into(), "three".into()], 4));
    }

    #[test]
    fn a_process_that_a_command_left_behind_is_not_waited_for() {
        let mut said = Vec::new();
        let mut command = Command::new("sh");
        let status = stream(command.args(["-c", "sleep 1000 & echo $!"]), |line| said.push(line.to_owned()));
        assert!(status.unwrap().success());
        let left = said.first().unwrap().parse().unwrap();
        assert!(end(left, Signal::KILL, Duration::from_secs(20)));
    }

    #[test]
    fn a_process_is_ended_and_its_end_is_awaited() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(end(pid, Signal::KILL, Duration::from_secs(20)));
        assert_eq!(code(child.wait().unwrap()), 137);
    }
}
