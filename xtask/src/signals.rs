//! Signals to this process: noted, handed to the command that runs, and acted on after it has ended.
//!
//! A command that is in the terminal's foreground hears Ctrl-C from the terminal itself, so an
//! interrupt is handed on only where it can not have come from there.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static RECEIVED: AtomicI32 = AtomicI32::new(0);
static COMMAND: AtomicI32 = AtomicI32::new(0);

/// Starts to listen for SIGINT, SIGTERM and SIGHUP; commands started later get the default actions.
///
/// # Errors
/// The handlers can not be set.
pub(crate) fn install() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("can not listen for signals")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            RECEIVED.store(signal, Ordering::SeqCst);
            if signal != SIGINT || !in_foreground() {
                hand_on(signal);
            }
        }
    });
    Ok(())
}

/// The last signal that was received.
pub(crate) fn received() -> Option<i32> {
    Some(RECEIVED.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

/// Fails once a signal was received, so that no further work begins.
///
/// # Errors
/// A signal was received.
pub(crate) fn check() -> Result<()> {
    match received() {
        Some(signal) => anyhow::bail!("stopped by {}", name(signal)),
        None => Ok(()),
    }
}

/// The name of a signal that is listened for.
pub(crate) fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "Ctrl-C",
        SIGTERM => "SIGTERM",
        _ => "SIGHUP",
    }
}

/// The exit code that a shell gives a program which this signal ended.
pub(crate) fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}

/// Names the running command as the one that signals are handed to, until the guard is dropped.
pub(crate) fn hand_to(pid: u32) -> HandedTo {
    COMMAND.store(i32::try_from(pid).unwrap_or(0), Ordering::SeqCst);
    HandedTo
}

/// While it lives, signals are handed to a command.
pub(crate) struct HandedTo;

impl Drop for HandedTo {
    fn drop(&mut self) {
        COMMAND.store(0, Ordering::SeqCst);
    }
}

fn hand_on(signal: i32) {
    let command = COMMAND.load(Ordering::SeqCst);
    if let (Some(pid), Some(signal)) = (Pid::from_raw(command), Signal::from_named_raw(signal)) {
        let _ = kill_process(pid, signal);
    }
}

fn in_foreground() -> bool {
    rustix::termios::tcgetpgrp(std::io::stdin().as_fd()).is_ok_and(|group| group == getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_becomes_the_exit_code_that_shells_use() {
        assert_eq!([SIGINT, SIGTERM, SIGHUP].map(exit_code), [130, 143, 129]);
    }
}
