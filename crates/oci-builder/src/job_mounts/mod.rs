//! `mounts`: a mount as a job writes it, with options as in fstab(5) or docker's blocks, read into a [`Mount`].
//!
//! The source of a bind stays as it was written (`local/conf`, `/srv`): the caller resolves it on the host and puts
//! the object that it checked in its place.

mod fstab;
mod tmpfs;

use std::path::PathBuf;

use crate::{Access, Mount, MountKind, Propagation, SizeError};
use fstab::Words;

/// The `type` of a job's mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobMountKind {
    /// A file or directory of the host. The job's word `volume` (the default) means the same.
    Bind,
    /// Memory of the container's own.
    Tmpfs,
}

/// A mount of a job's `mounts` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobMount {
    /// What is mounted.
    pub kind: JobMountKind,
    /// What is mounted from; a tmpfs has none.
    pub source: String,
    /// Where it is mounted in the container.
    pub target: PathBuf,
    /// Words as in fstab(5), later ones over earlier ones; a word with commas is several.
    pub options: Vec<String>,
    /// Whose shape the block has.
    pub shape: MountShape,
}

/// The two ways to write a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountShape {
    /// The Go containerd driver's: `options` say everything, and a bind must have some.
    Fstab,
    /// Docker's: its own keys, beneath `options` where there are any. A bind without any is recursive and writable.
    Docker(DockerMount),
}

/// Docker's keys of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerMount {
    /// `readonly`.
    pub access: Access,
    /// `bind_options.propagation`; empty is `rprivate`.
    pub propagation: String,
    /// `tmpfs_options.size` in bytes; 0 is half of the host's memory.
    pub tmpfs_size_bytes: u64,
    /// `tmpfs_options.mode` as a number (`0o1777` is 1023); 0 is the kernel's 1777.
    pub tmpfs_mode: u32,
}

/// A mount that can not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobMountError {
    /// The type is none that there is.
    #[error("mounts: {value:?} is not a type of mount (accepted: volume, bind, tmpfs)")]
    Kind {
        /// The type as it was given.
        value: String,
    },
    /// A bind in the Go driver's shape has no options.
    #[error("mounts: the bind at {target:?} has no options (accepted: rbind or bind, and ro or rw)")]
    NoOptions {
        /// Where it would be mounted.
        target: PathBuf,
    },
    /// A bind has no source.
    #[error("mounts: the bind at {target:?} has no source (accepted: a path)")]
    NoSource {
        /// Where it would be mounted.
        target: PathBuf,
    },
    /// The option is none that such a mount can have.
    #[error("mounts: {option:?} is not an option of a {kind} mount (accepted: {accepted})")]
    Option {
        /// The option as it was given.
        option: String,
        /// The mount's type.
        kind: &'static str,
        /// What such a mount can have.
        accepted: String,
    },
    /// An option's value is not what the option takes.
    #[error("mounts: {option:?} has no valid value (accepted: {accepted})")]
    Value {
        /// The option as it was given.
        option: String,
        /// What it takes.
        accepted: &'static str,
    },
    /// A size is none.
    #[error("mounts: {option:?} has no valid size")]
    Size {
        /// The option as it was given.
        option: String,
        /// Why.
        #[source]
        source: SizeError,
    },
}

impl JobMountKind {
    /// Reads the `type` of a mount; empty is `volume`.
    ///
    /// # Errors
    /// [`JobMountError::Kind`].
    pub fn from_option(value: &str) -> Result<Self, JobMountError> {
        match value {
            "" | "volume" | "bind" => Ok(Self::Bind),
            "tmpfs" => Ok(Self::Tmpfs),
            _ => Err(JobMountError::Kind { value: value.to_owned() }),
        }
    }
}

impl JobMount {
    /// The mount that the block stands for.
    ///
    /// # Errors
    /// [`JobMountError`].
    pub fn into_mount(self) -> Result<Mount, JobMountError> {
        let Self { kind, source, target, options, shape } = self;
        let words: Vec<&str> =
            options.iter().flat_map(|option| fstab::split(option)).filter(|word| !word.is_empty()).collect();
        match kind {
            JobMountKind::Bind => bind(source, target, &words, shape),
            JobMountKind::Tmpfs => tmpfs::mount(source, target, &words, shape),
        }
    }
}

fn bind(source: String, target: PathBuf, words: &[&str], shape: MountShape) -> Result<Mount, JobMountError> {
    if source.is_empty() {
        return Err(JobMountError::NoSource { target });
    }
    let mut read = Words::new(Access::ReadWrite);
    match shape {
        MountShape::Fstab if words.is_empty() => return Err(JobMountError::NoOptions { target }),
        MountShape::Fstab => {}
        MountShape::Docker(docker) => {
            read.access = docker.access;
            read.propagation = propagation(&docker.propagation)?;
        }
    }
    for word in words {
        if !read.take_bind(word) {
            let accepted = fstab::accepted_of_bind();
            return Err(JobMountError::Option { option: (*word).to_owned(), kind: "bind", accepted });
        }
    }
    let Words { access, propagation, recursive, flags } = read;
    let source = PathBuf::from(source);
    let kind = if recursive {
        MountKind::Bind { source, propagation }
    } else {
        MountKind::ShallowBind { source, propagation }
    };
    Ok(Mount { destination: target, kind, access, options: flags })
}

fn propagation(word: &str) -> Result<Propagation, JobMountError> {
    if word.is_empty() {
        return Ok(Propagation::Private);
    }
    fstab::propagation(word).ok_or_else(|| JobMountError::Value {
        option: format!("bind_options.propagation={word}"),
        accepted: "private, rprivate, slave, rslave, shared, rshared",
    })
}

#[cfg(test)]
mod tests;
