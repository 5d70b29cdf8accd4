//! Bytes moved from one pipe to the next within the kernel: at no moment does a process hold them that could die.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::pipe::SpliceFlags;

/// Bytes that one call moves at most; more than a pipe holds by default.
const MOST: usize = 1 << 20;

/// Moves all that comes from a pipe to a pipe or a file, until nobody has the source open for writing. Blocks; the
/// descriptors may be non-blocking. What a full target does not take stays in the source.
///
/// # Errors
/// What splice(2) or poll(2) says, such as `EPIPE` when nobody has the target open for reading.
pub fn to_the_end(from: impl AsFd, to: impl AsFd) -> Result<(), Errno> {
    loop {
        match rustix::pipe::splice(&from, None, &to, None, MOST, SpliceFlags::NONBLOCK) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            // It is one errno for both ends.
            Err(Errno::AGAIN) => {
                ready(&from, PollFlags::IN)?;
                ready(&to, PollFlags::OUT)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits until one end is ready. A closed one is as well.
fn ready(end: &impl AsFd, wanted: PollFlags) -> Result<(), Errno> {
    match rustix::event::poll(&mut [PollFd::new(end, wanted)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::fifo;

    #[test]
    fn everything_arrives_in_order_also_when_the_target_is_full_for_long() {
        let ((from, mut source), (mut target, to)) = (pipe().unwrap(), pipe().unwrap());
        let lines: Vec<String> = (0..20_000).map(|number| format!("{number}\n")).collect();
        let text = lines.concat();
        let carrier = std::thread::spawn(move || to_the_end(from, to));
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
        to_the_end(fifo::open_read(&path).unwrap(), to).unwrap();
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
        let carrier = std::thread::spawn(move || to_the_end(from, to));
        for line in ["one\n", "two\n"] {
            let reader = fifo::open_read(&path).unwrap();
            source.write_all(line.as_bytes()).unwrap();
            ready(&reader, PollFlags::IN).unwrap();
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
        to_the_end(from, null).unwrap();
    }
}
