//! Bytes moved from one pipe to the next within the kernel: at no moment does a process hold them that could die.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::pipe::SpliceFlags;

/// Bytes that one call moves at most; more than a pipe holds by default.
const MOST: usize = 1 << 20;

/// How long a full target may stay full after the move was given up. Its reader may only be slow.
const GRACE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Moves all that comes from a pipe to a pipe or a file, until nobody has the source open for writing. Blocks; the
/// descriptors may be non-blocking. What a full target does not take stays in the source.
///
/// When `given_up`, the reading end of a pipe, has lost its writer, a target that stays full ends the move.
///
/// # Errors
/// What splice(2) or poll(2) says, such as `EPIPE` when nobody has the target open for reading; `ETIMEDOUT` for a
/// target that stays full.
pub fn to_the_end(from: impl AsFd, to: impl AsFd, given_up: impl AsFd) -> Result<(), Errno> {
    loop {
        match rustix::pipe::splice(&from, None, &to, None, MOST, SpliceFlags::NONBLOCK) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            // It is one errno for both ends.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&from, PollFlags::IN)], None)?;
                room(&to, &given_up)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits until the target takes something. A closed one is ready as well.
fn room(to: &impl AsFd, given_up: &impl AsFd) -> Result<(), Errno> {
    let target = || PollFd::new(to, PollFlags::OUT);
    let mut both = [target(), PollFd::new(given_up, PollFlags::empty())];
    poll(&mut both, None)?;
    let [target_now, given_up_now] = both;
    if !target_now.revents().is_empty() || given_up_now.revents().is_empty() {
        return Ok(());
    }
    match poll(&mut [target()], Some(&GRACE))? {
        0 => Err(Errno::TIMEDOUT),
        _ => Ok(()),
    }
}

/// How many are ready; a signal counts as one.
fn poll(descriptors: &mut [PollFd<'_>], limit: Option<&Timespec>) -> Result<usize, Errno> {
    match rustix::event::poll(descriptors, limit) {
        Err(Errno::INTR) => Ok(1),
        polled => polled,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};
    use std::os::fd::OwnedFd;
    use std::thread::JoinHandle;

    use super::*;
    use crate::fifo;

    /// Moves in a thread, and does not give up.
    fn carry(from: impl Into<OwnedFd>, to: impl Into<OwnedFd>) -> JoinHandle<Result<(), Errno>> {
        let (from, to): (OwnedFd, OwnedFd) = (from.into(), to.into());
        std::thread::spawn(move || {
            let (wanted, _writer) = pipe().unwrap();
            to_the_end(from, to, wanted)
        })
    }

    #[test]
    fn everything_arrives_in_order_also_when_the_target_is_full_for_long() {
        let ((from, mut source), (mut target, to)) = (pipe().unwrap(), pipe().unwrap());
        let lines: Vec<String> = (0..20_000).map(|number| format!("{number}\n")).collect();
        let text = lines.concat();
        let carrier = carry(from, to);
        let writer = std::thread::spawn(move || {
            for line in lines {
                source.write_all(line.as_bytes()).unwrap();
            }
        });
        // Nothing is read before more was written than one pipe holds.
        let mut read = vec![0; 10];
        target.read_exact(&mut read).unwrap();
        target.read_to_end(&mut read).unwrap();
        writer.join().unwrap();
        carrier.join().unwrap().unwrap();
        assert!(read == text.as_bytes(), "{} of {} bytes", read.len(), text.len());
    }

    #[test]
    fn a_source_without_a_writer_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        fifo::make(&path).unwrap();
        let (_target, to) = pipe().unwrap();
        carry(fifo::open_read(&path).unwrap(), to).join().unwrap().unwrap();
    }

    #[test]
    fn a_reader_that_comes_back_finds_what_came_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fifo::make(&path).unwrap();
        let fifo::LogTarget::Fifo(checked) = fifo::check(&path).unwrap() else { panic!("a FIFO") };
        let to = fifo::open_both(&checked).unwrap();
        let (from, mut source) = pipe().unwrap();
        let kept = to.try_clone().unwrap();
        let carrier = carry(from, to);
        for line in ["one\n", "two\n"] {
            let reader = fifo::open_read(&path).unwrap();
            source.write_all(line.as_bytes()).unwrap();
            poll(&mut [PollFd::new(&reader, PollFlags::IN)], None).unwrap();
            drop(reader);
        }
        drop(source);
        carrier.join().unwrap().unwrap();
        let mut text = [0; 8];
        std::fs::File::from(kept).read_exact(&mut text).unwrap();
        assert_eq!(&text, b"one\ntwo\n");
    }

    #[test]
    fn the_null_device_takes_everything() {
        let (from, mut source) = pipe().unwrap();
        let null: OwnedFd = std::fs::File::options().write(true).open("/dev/null").unwrap().into();
        source.write_all(b"nobody reads it").unwrap();
        drop(source);
        carry(from, null).join().unwrap().unwrap();
    }

    #[test]
    fn a_move_that_was_given_up_ends_at_a_target_that_stays_full_and_not_before() {
        let ((from, mut source), (mut target, to)) = (pipe().unwrap(), pipe().unwrap());
        let (given_up, writer) = pipe().unwrap();
        drop(writer);
        let text = vec![b'x'; 256 << 10];
        let written = text.clone();
        let writer = std::thread::spawn(move || source.write_all(&written).map(|()| source));
        let carrier = std::thread::spawn(move || to_the_end(from, to, given_up));
        let mut read = vec![0; text.len()];
        target.read_exact(&mut read).unwrap();
        assert!(read == text, "what is read is carried");
        let mut source = writer.join().unwrap().unwrap();
        let refused = source.write_all(&vec![b'x'; 1 << 20]).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::BrokenPipe, "nobody carries any more");
        assert_eq!(carrier.join().unwrap(), Err(Errno::TIMEDOUT));
        drop(target);
    }
}
