//! Reads a cgroup's files again and again without opening them again.

use std::fs::File;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

use super::{Sample, v1, v2};
use crate::cgroup::error::io;
use crate::cgroup::task::is_gone;
use crate::cgroup::{CgroupError, CgroupMode, Controller, TaskCgroup};

/// Larger than any of the files. The kernel gives such a file whole in one read when it fits, and would put it
/// together once more for a second read.
const FILE_MAX: usize = 16 * 1024;

/// Reads samples of one cgroup.
#[derive(Debug)]
pub struct StatsReader {
    cgroup: TaskCgroup,
    files: Files,
}

#[derive(Debug)]
enum Files {
    V1([Option<File>; v1::FILES.len()]),
    V2([Option<File>; v2::FILES.len()]),
}

impl StatsReader {
    /// The most descriptors that a reader keeps open: 8 on v1, 5 on v2.
    pub const DESCRIPTORS_MAX: usize = v1::FILES.len();

    /// Opens the cgroup's files; a file that is missing makes its values absent.
    ///
    /// # Errors
    /// [`CgroupError::Gone`] when none of the files exists, [`CgroupError::Io`].
    pub fn open(cgroup: &TaskCgroup) -> Result<Self, CgroupError> {
        let files = match cgroup.mode() {
            CgroupMode::V1 => Files::V1(open_all(cgroup, v1::FILES)?),
            CgroupMode::V2 => Files::V2(open_all(cgroup, v2::FILES)?),
        };
        Ok(Self { cgroup: cgroup.clone(), files })
    }

    /// Takes one reading.
    ///
    /// # Errors
    /// [`CgroupError::Gone`] when the cgroup was removed.
    pub fn sample(&self) -> Result<Sample, CgroupError> {
        let sample = match &self.files {
            Files::V1(files) => {
                let texts = read_all(files).ok_or_else(|| self.cgroup.gone())?;
                let texts = texts.each_ref().map(Option::as_deref);
                Sample { cpu: v1::cpu(texts), memory: v1::memory(texts) }
            }
            Files::V2(files) => {
                let texts = read_all(files).ok_or_else(|| self.cgroup.gone())?;
                let texts = texts.each_ref().map(Option::as_deref);
                Sample { cpu: v2::cpu(texts), memory: v2::memory(texts) }
            }
        };
        Ok(sample)
    }
}

fn open_all<const N: usize>(
    cgroup: &TaskCgroup,
    names: [(Controller, &str); N],
) -> Result<[Option<File>; N], CgroupError> {
    let mut files = [const { None }; N];
    for (file, (controller, name)) in files.iter_mut().zip(names) {
        let Some(path) = cgroup.directory(controller).map(|directory| directory.join(name)) else { continue };
        match File::open(&path) {
            Ok(opened) => *file = Some(opened),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(io("open", &path)(error)),
        }
    }
    if files.iter().all(Option::is_none) {
        return Err(cgroup.gone());
    }
    Ok(files)
}

/// The text of each file that can be read; `None` when the cgroup of every one was removed.
fn read_all<const N: usize>(files: &[Option<File>; N]) -> Option<[Option<String>; N]> {
    let mut removed = true;
    let texts = files.each_ref().map(|file| {
        let read = read(file.as_ref()?);
        removed &= matches!(&read, Err(error) if Errno::from_io_error(error) == Some(Errno::NODEV));
        read.ok()
    });
    (!removed).then_some(texts)
}

fn read(file: &File) -> std::io::Result<String> {
    let mut buffer = vec![0; FILE_MAX];
    let length = file.read_at(&mut buffer, 0)?;
    buffer.truncate(length);
    String::from_utf8(buffer).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cgroup::CgroupMounts;
    use crate::cgroup::testing::{Scratch, sleeper};

    #[test]
    fn a_living_cgroup_is_read_twice_from_the_same_files() {
        let scratch = Scratch::new();
        let reader = StatsReader::open(scratch.cgroup()).unwrap();
        let mut child = sleeper();
        scratch.join(&child);
        let first = reader.sample().unwrap();
        let second = reader.sample().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        for sample in [first, second] {
            assert!(sample.cpu.usage_ns.is_some() && sample.cpu.user_ns.is_some(), "{sample:?}");
            assert!(sample.memory.usage.is_some() && sample.memory.rss.is_some(), "{sample:?}");
        }
        assert!(second.cpu.usage_ns >= first.cpu.usage_ns);
    }

    #[test]
    fn a_removed_cgroup_is_gone_and_not_a_row_of_zeros() {
        let scratch = Scratch::new();
        let reader = StatsReader::open(scratch.cgroup()).unwrap();
        scratch.remove();
        assert!(matches!(reader.sample(), Err(CgroupError::Gone { .. })));
        assert!(matches!(StatsReader::open(scratch.cgroup()), Err(CgroupError::Gone { .. })));
    }

    #[test]
    fn the_unified_hierarchy_is_read_from_one_directory() {
        let dir = tempfile::tempdir().unwrap();
        let cgroup = unified(dir.path(), "nomad.slice/a.scope");
        assert!(matches!(StatsReader::open(&cgroup), Err(CgroupError::Gone { .. })));
        let inside = dir.path().join("nomad.slice/a.scope");
        std::fs::create_dir_all(&inside).unwrap();
        let files = [
            ("cpu.stat", "usage_usec 7\nuser_usec 4\nsystem_usec 3\n"),
            ("memory.current", "4096\n"),
            ("memory.events", "oom 1\noom_kill 2\n"),
            ("cgroup.procs", "12\n7\n"),
        ];
        for (name, text) in files {
            std::fs::write(inside.join(name), text).unwrap();
        }
        let sample = StatsReader::open(&cgroup).unwrap().sample().unwrap();
        assert_eq!((sample.cpu.usage_ns, sample.memory.usage), (Some(7_000), Some(4_096)));
        assert_eq!((sample.memory.rss, sample.memory.swap), (None, None));
        assert_eq!((cgroup.oom_kills().unwrap(), cgroup.pids().unwrap()), (2, vec![7, 12]));
    }

    /// A cgroup below a directory that stands for the mount point of the unified hierarchy.
    fn unified(mount: &Path, path: &str) -> TaskCgroup {
        let table = format!("31 24 0:27 / {} rw - cgroup2 cgroup2 rw\n", mount.display());
        TaskCgroup::new(CgroupMounts::parse(&table).unwrap(), &Path::new("/").join(path))
    }

    #[test]
    fn a_kernel_without_some_files_leaves_their_values_out() {
        let scratch = Scratch::new();
        let mut reader = StatsReader::open(scratch.cgroup()).unwrap();
        match &mut reader.files {
            Files::V1(files) => files[4] = None,
            Files::V2(files) => files[2] = None,
        }
        let sample = reader.sample().unwrap();
        assert_eq!(sample.memory.usage, None);
        assert!(sample.cpu.usage_ns.is_some());
    }
}
